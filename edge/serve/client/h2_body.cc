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
    Octets larger(std::max({needed, 2 * (end_ - gone), kLeast}));
    if (end_ > gone) std::memcpy(larger.data() + (begin_ - gone), bytes_.data() + begin_, end_ - begin_);
    bytes_ = std::move(larger);
  }
  begin_ -= gone;
  end_ -= gone;
}

void H2Body::append(std::string_view octets) {
  if (octets.empty()) return;
  if (size_ == 0) begin_ = end_ = 0;
  if (end_ + octets.size() + (octets.size() / kFrame + 2) * kHead > bytes_.size()) make_room(octets.size());
  size_ += octets.size();
  while (!octets.empty()) {
    if (end_ % kPeriod == 0) end_ += kHead;
    const std::size_t n = std::min(octets.size(), kPeriod - end_ % kPeriod);
    std::memcpy(bytes_.data() + end_, octets.data(), n);
    end_ += n;
    octets.remove_prefix(n);
  }
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
