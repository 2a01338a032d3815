#pragma once
// FramePool: the memory of one thread's connections, coroutines and buffers, by size classes. What was given back last
// is taken first; behind that each class has slabs, and a slab in which nothing is in use goes back to the kernel, so a
// peak leaves nothing behind. Under AddressSanitizer all of it comes from the heap, so that a use after the end is
// found. What is taken on a thread is given back on it, or after it has ended.
//
//   take --> quick list (at least kQuick) --> a class's slabs with room --> spare slabs --> mmap
//
//   Slab, aligned to its size:   [header | piece | piece | ... ]

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace edge {

class FramePool {
 public:
  static constexpr std::size_t kSlab = 256 * 1024;
  static constexpr std::size_t kLargest = 64 * 1024;  // what is larger comes from the heap

  FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool();

  [[nodiscard]] void* take(std::size_t size);
  void give_back(void* piece, std::size_t size) noexcept;  // REQUIRES: from take(size)

  // Once in a while: what has not been needed since the last time goes back to the kernel.
  void sweep();

  [[nodiscard]] std::size_t used() const { return used_; }      // octets that are taken
  [[nodiscard]] std::size_t mapped() const { return mapped_; }  // octets of all slabs

  [[nodiscard]] static FramePool& of_this_thread();

 private:
  static constexpr std::size_t kStep = 64;                  // octets between small classes
  static constexpr std::size_t kSmall = 128 * 64;           // the largest of them
  static constexpr std::size_t kClasses = 128 + 3;          // and 16, 32, 64 KiB
  static constexpr std::size_t kQuick = 64;                 // the least that a quick list holds
  static constexpr std::size_t kQuickOctets = 1024 * 1024;  // of small pieces as many as this has room for
  static constexpr std::size_t kSpare = 4;

  struct Free {
    Free* next;
  };
  struct Slab;
  struct Class {
    Free* quick = nullptr;
    std::size_t quick_room = 0;  // pieces that may come
    Slab* roomy = nullptr;       // slabs with room
    Slab* full = nullptr;
  };

  [[nodiscard]] static std::size_t class_of(std::size_t size);
  [[nodiscard]] static std::size_t size_of(std::size_t index);
  [[nodiscard]] static std::size_t quick_most(std::size_t index);
  void* take_from_slab(std::size_t index);
  void put_into_slab(void* piece) noexcept;
  Slab* new_slab(std::size_t index);
  static void unmap(Slab* slab) noexcept;
  Slab*& list_of(const Slab& slab) noexcept;
  void link(Slab& slab) noexcept;
  void unlink(Slab& slab) noexcept;
  void flush_quick() noexcept;

  std::array<Class, kClasses> classes_{};
  Slab* spare_ = nullptr;
  std::size_t spares_ = 0;
  std::size_t least_spares_ = 0;  // since the last sweep
  std::size_t used_ = 0;
  std::size_t mapped_ = 0;
};

// Octets of the thread's pool.
class Octets {
 public:
  Octets() = default;
  explicit Octets(std::size_t size) : data_(static_cast<char*>(FramePool::of_this_thread().take(size))), size_(size) {}
  Octets(Octets&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Octets& operator=(Octets&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Octets() {
    if (data_ != nullptr) FramePool::of_this_thread().give_back(data_, size_);
  }

  [[nodiscard]] char* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// A base for what lives in the thread's pool.
struct Pooled {
  static void* operator new(std::size_t size) { return FramePool::of_this_thread().take(size); }
  static void operator delete(void* piece, std::size_t size) { FramePool::of_this_thread().give_back(piece, size); }
};

}  // namespace edge
