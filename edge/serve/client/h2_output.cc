#include "edge/serve/client/h2_output.h"

#include <algorithm>
#include <utility>

namespace edge {
namespace {

iovec part_of(std::string_view octets) {
  return {.iov_base = const_cast<char*>(octets.data()), .iov_len = octets.size()};  // a send only reads it
}

}  // namespace

void H2Output::lend(std::string_view octets) {
  if (count_ > 0) {
    Lent& last = lent_[count_ - 1];
    const bool follows = last.before == queue_.size() && last.octets.data() + last.octets.size() == octets.data();
    if (follows) {
      last.octets = {last.octets.data(), last.octets.size() + octets.size()};
      lent_size_ += octets.size();
      return;
    }
  }
  if (octets.size() < kWorthLending || count_ == kMost) return queue_.append(octets);
  lent_[count_++] = {.before = queue_.size(), .octets = octets};
  lent_size_ += octets.size();
}

std::span<const iovec> H2Output::parts() {
  const std::string_view queued = queue_.view();
  std::size_t at = 0;
  std::size_t size = 0;
  const auto push = [&](std::string_view octets) {
    if (!octets.empty()) parts_[size++] = part_of(octets);
  };
  for (const Lent& lent : std::span(lent_).first(count_)) {
    push(queued.substr(at, lent.before - at));
    push(lent.octets);
    at = lent.before;
  }
  push(queued.substr(at));
  return std::span(parts_).first(size);
}

void H2Output::sent(std::size_t n) {
  if (count_ == 0) return queue_.consume(n);
  if (n == size()) {
    queue_.consume(queue_.size());
  } else {
    OutBuffer rest;
    for (const iovec& part : parts()) {
      const std::size_t gone = std::min(n, part.iov_len);
      n -= gone;
      rest.append({static_cast<const char*>(part.iov_base) + gone, part.iov_len - gone});
    }
    queue_ = std::move(rest);
  }
  count_ = lent_size_ = 0;
}

}  // namespace edge
