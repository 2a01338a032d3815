#pragma once
// OctetBuffer: octets of a memory resource, for a part of something whose rest has not come. Owned by whoever reads;
// one thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <string_view>

namespace edge::h2 {

class OctetBuffer {
 public:
  explicit OctetBuffer(std::pmr::memory_resource& memory) : memory_(&memory) {}
  ~OctetBuffer() { release(); }
  OctetBuffer(const OctetBuffer&) = delete;
  OctetBuffer& operator=(const OctetBuffer&) = delete;

  [[nodiscard]] char* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::string_view view() const { return {data_, size_}; }

  // Room for so many, with what is there.
  void reserve(std::size_t n) {
    if (n <= capacity_) return;
    const std::size_t capacity = std::max(n, 2 * std::size_t{capacity_});
    char* const place = static_cast<char*>(memory_->allocate(capacity, 1));
    if (size_ > 0) std::memcpy(place, data_, size_);
    if (data_ != nullptr) memory_->deallocate(data_, capacity_, 1);
    data_ = place;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }
  // They may be this buffer's own.
  void assign(std::string_view octets) {
    if (octets.size() > capacity_) {
      size_ = 0;
      reserve(octets.size());
    }
    if (!octets.empty()) std::memmove(data_, octets.data(), octets.size());
    size_ = static_cast<std::uint32_t>(octets.size());
  }
  void append(std::string_view octets) {
    if (octets.empty()) return;
    reserve(size_ + octets.size());
    std::memcpy(data_ + size_, octets.data(), octets.size());
    size_ += static_cast<std::uint32_t>(octets.size());
  }
  void clear() { size_ = 0; }
  void release() {
    if (data_ != nullptr) memory_->deallocate(data_, capacity_, 1);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  std::pmr::memory_resource* memory_;
  char* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace edge::h2
