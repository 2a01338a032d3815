#include "edge/serve/io/buffers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kWorthMoving = 4096;  // with less room than this behind the data, they are moved down
constexpr std::size_t kLeastBehind = 1024;  // behind what is pinned
constexpr std::size_t kFirstOutput = 4096;
constexpr std::size_t kKeptOutput = 64 * 1024;  // an output queue that grew over this is not kept

}  // namespace

std::span<char> ReadBuffer::space() {
  if (begin_ == end_) begin_ = end_ = pinned_;
  const bool tight = filled_ || (pinned_ > 0 && capacity() - end_ < kLeastBehind);
  if (tight && capacity() - pinned_ < kSize) {
    grow(kSize);
  } else if (capacity() - end_ < std::min(kWorthMoving, capacity() / 2) && begin_ > pinned_) {
    std::memmove(bytes_.data() + pinned_, bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_ - pinned_;
    begin_ = pinned_;
  }
  if (end_ == capacity() && pinned_ > 0 && end_ - begin_ < kSize) grow(kSize);
  return {bytes_.data() + end_, capacity() - end_};
}

void ReadBuffer::pin(std::size_t n) {
  begin_ += n;
  pinned_ = begin_;
}

void ReadBuffer::unpin() {
  head_ = Octets();
  pinned_ = 0;
  if (begin_ != 0 && begin_ != end_) std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

void ReadBuffer::grow(std::size_t capacity) {
  Octets bytes(capacity);
  const std::size_t unread = end_ - begin_;
  if (unread > 0) std::memcpy(bytes.data(), bytes_.data() + begin_, unread);
  if (pinned_ > 0) head_ = std::move(bytes_);
  bytes_ = std::move(bytes);
  pinned_ = begin_ = 0;
  end_ = unread;
  filled_ = false;
}

void ReadBuffer::clear() {
  pinned_ = begin_ = end_ = 0;
  filled_ = false;
  head_ = Octets();
  if (capacity() > kSize) bytes_ = Octets(kFirst);
}

Octets ReadBuffer::park() {
  const std::string_view unread = view();
  Octets parked(unread.size());
  std::memcpy(parked.data(), unread.data(), unread.size());
  clear();
  return parked;
}

void ReadBuffer::unpark(const Octets& parked) {
  if (capacity() < 2 * parked.size()) grow(std::max(kSize, 2 * parked.size()));
  std::memcpy(bytes_.data(), parked.data(), parked.size());
  end_ = parked.size();
}

// What is queued moves down where that leaves as much room again: a queue that is never empty must not grow by what has
// passed through it.
std::span<char> OutBuffer::room(std::size_t n) {
  if (bytes_.size() - end_ < n) {
    const std::size_t live = end_ - begin_;
    if (live + n <= bytes_.size() / 2) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, live);
    } else {
      Octets bytes(std::max({live + n, 2 * bytes_.size(), kFirstOutput}));
      if (live > 0) std::memcpy(bytes.data(), bytes_.data() + begin_, live);
      bytes_ = std::move(bytes);
    }
    end_ = live;
    begin_ = 0;
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

void OutBuffer::append(std::string_view text) {
  if (text.empty()) return;  // its data may be null, which memcpy must not see
  std::memcpy(room(text.size()).data(), text.data(), text.size());
  commit(text.size());
}

void OutBuffer::consume(std::size_t n) {
  begin_ += n;
  if (begin_ == end_) begin_ = end_ = 0;
}

void OutBuffer::clear() {
  begin_ = end_ = 0;
  if (bytes_.size() > kKeptOutput) bytes_ = Octets();
}

void Work::clear() {
  if (kept_body.capacity() > kKeptOutput) kept_body = std::string();
}

}  // namespace edge
