#include "edge/serve/buffers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kWorthMoving = 4096;  // with less room than this behind the data, they are moved down
constexpr std::size_t kFirstOutput = 4096;
constexpr std::size_t kKeptOutput = 64 * 1024;  // an output queue that grew over this is not kept

}  // namespace

std::span<char> ReadBuffer::space() {
  if (begin_ == end_) begin_ = end_ = pinned_;
  if (bytes_.size() - end_ < kWorthMoving && begin_ > pinned_) {
    std::memmove(bytes_.data() + pinned_, bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_ - pinned_;
    begin_ = pinned_;
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

void ReadBuffer::pin(std::size_t n) {
  begin_ += n;
  pinned_ = begin_;
}

void ReadBuffer::unpin() {
  pinned_ = 0;
  if (begin_ != 0 && begin_ != end_) std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

void ReadBuffer::clear() {
  pinned_ = begin_ = end_ = 0;
  if (bytes_.size() > kSize) bytes_ = std::vector<char>(kSize);
}

std::span<char> OutBuffer::room(std::size_t n) {
  if (capacity_ - end_ < n) {
    const std::size_t capacity = std::max({end_ - begin_ + n, 2 * capacity_, kFirstOutput});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (!empty()) std::memcpy(bytes.get(), bytes_.get() + begin_, end_ - begin_);
    bytes_ = std::move(bytes);
    end_ -= begin_;
    begin_ = 0;
    capacity_ = capacity;
  }
  return {bytes_.get() + end_, capacity_ - end_};
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
  if (capacity_ <= kKeptOutput) return;
  bytes_.reset();
  capacity_ = 0;
}

std::unique_ptr<Work> WorkPool::take() {
  if (idle_.empty()) return std::make_unique<Work>();
  std::unique_ptr<Work> work = std::move(idle_.back());
  idle_.pop_back();
  return work;
}

void WorkPool::give_back(std::unique_ptr<Work> work) {
  if (idle_.size() >= kKept) return;
  work->client_in.clear();
  work->upstream.in.clear();
  work->client_out.clear();
  work->upstream.out.clear();
  idle_.push_back(std::move(work));
}

}  // namespace edge
