#include "edge/core/h2/head_writer.h"

#include <cstring>

namespace edge::h2 {

std::size_t HeadWriter::finish(std::int32_t stream, std::uint8_t flags) {
  const auto size = static_cast<std::size_t>(at_ - begin_) - kFrameHead;
  if (size <= kMaxFrame) {
    put_frame_head(begin_, size, FrameType::headers, flags | kEndHeaders, stream);
    return kFrameHead + size;
  }
  // From the last on: each frame's octets move by the heads before them.
  const std::size_t more = (size - 1) / kMaxFrame;
  std::size_t length = size - more * kMaxFrame;
  for (std::size_t i = more; i > 0; --i) {
    char* const at = begin_ + kFrameHead + i * kMaxFrame;
    std::memmove(at + i * kFrameHead, at, length);
    put_frame_head(at + (i - 1) * kFrameHead, length, FrameType::continuation, i == more ? kEndHeaders : 0, stream);
    length = kMaxFrame;
  }
  put_frame_head(begin_, kMaxFrame, FrameType::headers, flags, stream);
  return size + (more + 1) * kFrameHead;
}

}  // namespace edge::h2
