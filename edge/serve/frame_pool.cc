#include "edge/serve/frame_pool.h"

#include <new>

namespace edge {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

}  // namespace

FramePool::~FramePool() {
  for (Class& frames : classes_) {
    while (frames.first != nullptr) {
      Free* const next = frames.first->next;
      ::operator delete(frames.first);
      frames.first = next;
    }
  }
}

void* FramePool::take(std::size_t size) {
  const std::size_t index = (size - 1) / kStep;
  if (!kPooled || index >= kClasses) return ::operator new(size);
  Class& frames = classes_[index];
  if (frames.first == nullptr) return ::operator new((index + 1) * kStep);
  Free* const frame = frames.first;
  frames.first = frame->next;
  --frames.count;
  return frame;
}

void FramePool::give_back(void* frame, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / kStep;
  if (!kPooled || index >= kClasses || classes_[index].count == kKept) return ::operator delete(frame);
  Class& frames = classes_[index];
  frames.first = new (frame) Free{frames.first};
  ++frames.count;
}

FramePool& FramePool::of_this_thread() {
  static thread_local FramePool pool;
  return pool;
}

}  // namespace edge
