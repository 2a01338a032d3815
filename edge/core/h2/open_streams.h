#pragma once
// OpenStreams: which streams of a connection are open, by their numbers. The first of them has its place here, so that
// a connection with one request at a time takes no memory for a list, nor an idle one. Owned by a Session; one thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace edge::h2 {

class Stream;

class OpenStreams {
 public:
  struct Slot {
    std::int32_t id = 0;
    Stream* stream = nullptr;
  };

  explicit OpenStreams(std::pmr::memory_resource& memory) : memory_(&memory) {}
  ~OpenStreams() { release(); }
  OpenStreams(const OpenStreams&) = delete;
  OpenStreams& operator=(const OpenStreams&) = delete;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] const Slot* begin() const { return slots_; }
  [[nodiscard]] const Slot* end() const { return slots_ + count_; }
  [[nodiscard]] std::size_t memory() const { return slots_ == &one_ ? 0 : capacity_ * sizeof(Slot); }

  // Null: none of that number.
  [[nodiscard]] Stream* find(std::int32_t id) const {
    const Slot* const found = std::find_if(begin(), end(), [id](const Slot& slot) { return slot.id == id; });
    return found == end() ? nullptr : found->stream;
  }
  void add(std::int32_t id, Stream& stream) {
    if (count_ == capacity_) grow();
    slots_[count_++] = {.id = id, .stream = &stream};
  }
  void remove(std::int32_t id) {
    Slot* at = slots_;
    while (at != end() && at->id != id) ++at;
    if (at == end()) return;
    *at = slots_[--count_];
    if (count_ == 0 && capacity_ > kFew) release();
  }

 private:
  static constexpr std::uint32_t kFew = 4;  // whose list is kept while the connection is idle

  void grow() {
    const std::uint32_t capacity = std::max(kFew, 2 * capacity_);
    auto* const place = static_cast<Slot*>(memory_->allocate(capacity * sizeof(Slot), alignof(Slot)));
    std::copy(begin(), end(), place);
    give_back();
    slots_ = place;
    capacity_ = capacity;
  }
  void give_back() {
    if (slots_ != &one_) memory_->deallocate(slots_, capacity_ * sizeof(Slot), alignof(Slot));
  }
  void release() {
    give_back();
    slots_ = &one_;
    capacity_ = 1;
  }

  std::pmr::memory_resource* memory_;
  Slot* slots_ = &one_;
  std::uint32_t count_ = 0;
  std::uint32_t capacity_ = 1;
  Slot one_;
};

}  // namespace edge::h2
