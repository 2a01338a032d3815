#include "edge/serve/io/frame_pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include <sys/mman.h>

#ifndef __has_feature
#define __has_feature(name) 0  // of clang alone
#endif

namespace edge {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)  // as GCC says it, and as clang does
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

}  // namespace

struct FramePool::Slab {
  FramePool* owner;
  Slab* before;
  Slab* after;
  Free* first;         // pieces that were given back
  std::uint32_t used;  // pieces that are out, the quick list's too
  std::uint32_t made;  // pieces that were ever out; those behind have never been touched
  std::uint32_t room;  // pieces in all
  std::uint32_t index;

  [[nodiscard]] bool full() const { return used == room; }
  [[nodiscard]] char* pieces() { return reinterpret_cast<char*>(this) + 64; }
  [[nodiscard]] static Slab* of(void* piece) {
    return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(piece) & ~(kSlab - 1));
  }
};

std::size_t FramePool::class_of(std::size_t size) {
  if (size <= kSmall) return (size - 1) / kStep;
  return kSmall / kStep + static_cast<std::size_t>(std::bit_width((size - 1) / kSmall)) - 1;
}

std::size_t FramePool::size_of(std::size_t index) {
  constexpr std::size_t kSmalls = kSmall / kStep;
  return index < kSmalls ? (index + 1) * kStep : kSmall << (index - kSmalls + 1);
}

std::size_t FramePool::quick_most(std::size_t index) { return std::max(kQuick, kQuickOctets / size_of(index)); }

FramePool::FramePool() {
  for (std::size_t i = 0; i < kClasses; ++i) classes_[i].quick_room = quick_most(i);
}

FramePool::~FramePool() {
  flush_quick();
  while (spare_ != nullptr) unmap(std::exchange(spare_, spare_->after));
  // What is still in use outlives this, and is unmapped by whoever gives the last of it back.
  for (const Class& one : classes_) {
    for (Slab* slab : {one.roomy, one.full}) {
      for (; slab != nullptr; slab = slab->after) slab->owner = nullptr;
    }
  }
}

void* FramePool::take(std::size_t size) {
  used_ += size;
  if (!kPooled || size > kLargest) return ::operator new(size);
  const std::size_t index = class_of(size);
  Class& pieces = classes_[index];
  if (pieces.quick == nullptr) return take_from_slab(index);
  Free* const piece = pieces.quick;
  pieces.quick = piece->next;
  ++pieces.quick_room;
  return piece;
}

void FramePool::give_back(void* piece, std::size_t size) noexcept {
  used_ -= size;
  if (!kPooled || size > kLargest) return ::operator delete(piece);
  const std::size_t index = class_of(size);
  Class& pieces = classes_[index];
  if (pieces.quick_room == 0) return put_into_slab(piece);
  pieces.quick = new (piece) Free{pieces.quick};
  --pieces.quick_room;
}

void* FramePool::take_from_slab(std::size_t index) {
  Slab* slab = classes_[index].roomy;
  if (slab == nullptr) slab = new_slab(index);
  void* piece = nullptr;
  if (slab->first != nullptr) {
    piece = slab->first;
    slab->first = slab->first->next;
  } else {
    piece = slab->pieces() + size_of(index) * slab->made++;
  }
  if (slab->used + 1 < slab->room) {
    ++slab->used;
    return piece;
  }
  unlink(*slab);
  ++slab->used;
  link(*slab);
  return piece;
}

void FramePool::put_into_slab(void* piece) noexcept {
  Slab& slab = *Slab::of(piece);
  slab.first = new (piece) Free{slab.first};
  if (slab.owner != this) {  // its thread has ended
    if (--slab.used == 0) unmap(&slab);
    return;
  }
  const bool moves = slab.full() || slab.used == 1;
  if (moves) unlink(slab);
  --slab.used;
  if (slab.used > 0) {
    if (moves) link(slab);
    return;
  }
  if (spares_ == kSpare) {
    mapped_ -= kSlab;
    return unmap(&slab);
  }
  slab.after = spare_;
  spare_ = &slab;
  ++spares_;
}

FramePool::Slab* FramePool::new_slab(std::size_t index) {
  void* memory = nullptr;
  if (spare_ != nullptr) {
    memory = std::exchange(spare_, spare_->after);
    least_spares_ = std::min(least_spares_, --spares_);
  } else {
    // Twice as much, of which the aligned half stays.
    void* const wide = ::mmap(nullptr, 2 * kSlab, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (wide == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(wide);
    const std::uintptr_t aligned = (begin + kSlab - 1) & ~(kSlab - 1);
    if (aligned != begin) ::munmap(wide, aligned - begin);
    ::munmap(reinterpret_cast<void*>(aligned + kSlab), begin + kSlab - aligned);
    memory = reinterpret_cast<void*>(aligned);
    ::madvise(memory, kSlab, MADV_NOHUGEPAGE);  // a page that is not needed costs nothing
    mapped_ += kSlab;
  }
  const auto room = static_cast<std::uint32_t>((kSlab - 64) / size_of(index));
  Slab* const slab = new (memory) Slab{.owner = this,
                                       .before = nullptr,
                                       .after = nullptr,
                                       .first = nullptr,
                                       .used = 0,
                                       .made = 0,
                                       .room = room,
                                       .index = static_cast<std::uint32_t>(index)};
  link(*slab);
  return slab;
}

void FramePool::unmap(Slab* slab) noexcept { ::munmap(slab, kSlab); }

FramePool::Slab*& FramePool::list_of(const Slab& slab) noexcept {
  Class& one = classes_[slab.index];
  return slab.full() ? one.full : one.roomy;
}

void FramePool::link(Slab& slab) noexcept {
  Slab*& front = list_of(slab);
  slab.before = nullptr;
  slab.after = front;
  if (front != nullptr) front->before = &slab;
  front = &slab;
}

void FramePool::unlink(Slab& slab) noexcept {
  (slab.before != nullptr ? slab.before->after : list_of(slab)) = slab.after;
  if (slab.after != nullptr) slab.after->before = slab.before;
}

void FramePool::flush_quick() noexcept {
  for (std::size_t i = 0; i < kClasses; ++i) {
    Class& pieces = classes_[i];
    while (pieces.quick != nullptr) {
      Free* const piece = std::exchange(pieces.quick, pieces.quick->next);
      put_into_slab(piece);
    }
    pieces.quick_room = quick_most(i);
  }
}

void FramePool::sweep() {
  flush_quick();
  for (; least_spares_ > 0; --least_spares_) {
    unmap(std::exchange(spare_, spare_->after));
    --spares_;
    mapped_ -= kSlab;
  }
  least_spares_ = spares_;
}

FramePool& FramePool::of_this_thread() {
  static thread_local FramePool pool;
  return pool;
}

}  // namespace edge
