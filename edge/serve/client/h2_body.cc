#include "edge/serve/client/h2_body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kLeast = 1024;

}  // namespace

// Everything before the frame that is next gives way; what is kept stays at the same place of its frame.
void H2Body::make_room(std::size_t n) {
  const std::size_t gone = begin_ / kPeriod * kPeriod;
  const std::size_t needed = end_ - gone + n + (n / kFrame + 2) * kHead;
  if (needed <= bytes_.size()) {
    std::memmove(bytes_.data(), bytes_.data() + gone, end_ - gone);
  } else {
    // Doubled, but not for that beyond what the pool has.
    const std::size_t doubled = std::min(2 * (end_ - gone), FramePool::kLargest);
    Octets larger(std::max({needed, doubled, kLeast}));
    if (end_ > gone) std::memcpy(larger.data() + (begin_ - gone), bytes_.data() + begin_, end_ - begin_);
    bytes_ = std::move(larger);
  }
  begin_ -= gone;
  end_ -= gone;
}

void H2Body::reserve(std::size_t n) {
  if (size_ == 0) begin_ = end_ = 0;
  if (end_ + n + (n / kFrame + 2) * kHead > bytes_.size()) make_room(n);
}

// Calls visit(place, octets) for n octets from `at` on; returns where they end.
template <class Visit>
std::size_t H2Body::for_each_piece(std::size_t at, std::size_t n, Visit visit) {
  while (n > 0) {
    if (at % kPeriod == 0) at += kHead;
    const std::size_t size = std::min(n, kPeriod - at % kPeriod);
    visit(at, size);
    at += size;
    n -= size;
  }
  return at;
}

void H2Body::append(std::string_view octets) {
  if (octets.empty()) return;
  reserve(octets.size());
  size_ += octets.size();
  end_ = for_each_piece(end_, octets.size(), [&](std::size_t at, std::size_t n) {
    std::memcpy(bytes_.data() + at, octets.data(), n);
    octets.remove_prefix(n);
  });
}

std::span<const iovec> H2Body::space(std::size_t n, std::span<iovec> parts) {
  n = std::min(n, (parts.size() - 1) * kFrame);  // the first piece may be short
  reserve(n);
  std::size_t count = 0;
  static_cast<void>(for_each_piece(end_, n, [&](std::size_t at, std::size_t size) {
    parts[count++] = {.iov_base = bytes_.data() + at, .iov_len = size};
  }));
  return parts.first(count);
}

void H2Body::commit(std::size_t n) {
  size_ += n;
  end_ = for_each_piece(end_, n, [](std::size_t, std::size_t) {});
}

std::size_t H2Body::next(std::size_t most) const {
  const std::size_t at = std::max(begin_ % kPeriod, kHead);
  return std::min({most, size_, kPeriod - at});
}

H2Body::Frame H2Body::take(std::string_view head, std::size_t n) {
  if (begin_ % kPeriod == 0) begin_ += kHead;
  const bool fits = begin_ % kPeriod == kHead;
  char* const octets = bytes_.data() + begin_;
  begin_ += n;
  size_ -= n;
  if (!fits) return {.head = head, .octets = {octets, n}};
  std::memcpy(octets - kHead, head.data(), kHead);
  return {.head = {}, .octets = {octets - kHead, kHead + n}};
}

}  // namespace edge
