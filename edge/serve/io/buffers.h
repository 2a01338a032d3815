#pragma once
// The memory of connections and requests: read buffers, heads, output queues, each kind from a pool of the worker's.
// ClientBuffers are a connection's, Work is a request's, UpstreamWork an attempt's at a server: HTTP/1 has one of each
// at a time, streams of one connection share its buffers. Taken when something arrives, given back when the request is
// done: an idle connection holds none, and one with a part of a head holds that part. One worker's thread.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/message/target.h"
#include "edge/serve/io/frame_pool.h"
#include "shared/http/head.h"

namespace edge {

// Bytes received and not yet used:   [0 .. pinned .. begin .. end .. capacity)
// What is pinned (a head whose views are in use) neither moves nor is overwritten. Begins small; who fills it gets a
// larger one, and what is pinned stays in the small one.
class ReadBuffer {
 public:
  static constexpr std::size_t kFirst = 4 * 1024;
  static constexpr std::size_t kSize = 32 * 1024;

  [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const { return bytes_.size(); }
  // Where to receive into; moves what is unread down to the pin first when little room is left. Empty: full.
  [[nodiscard]] std::span<char> space();
  void commit(std::size_t n) {
    end_ += n;
    filled_ = end_ == capacity();
  }
  void consume(std::size_t n) { begin_ += n; }
  // The first n bytes of the view become the pinned part. REQUIRES: nothing is pinned.
  void pin(std::size_t n);
  // Frees the pinned part; what is unread moves to the front.
  void unpin();
  // At least that much. Invalidates views but those of what is pinned.
  void grow(std::size_t capacity);
  void clear();
  // What is unread and nothing else, in memory of its size; the buffer is empty then.
  [[nodiscard]] Octets park();
  // REQUIRES: empty, nothing is pinned.
  void unpark(const Octets& parked);

 private:
  Octets bytes_{kFirst};
  Octets head_;  // what is pinned, once the rest has moved away
  std::size_t pinned_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false;  // the last receive left no room: more may be waiting
};

// Bytes to send, in order; what was sent leaves from the front.
class OutBuffer {
 public:
  // Who queues so much for one that takes nothing has lost: MessageWriter fails then.
  static constexpr std::size_t kCeiling = 1024 * 1024;

  [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] bool over_ceiling() const { return size() > kCeiling; }
  // At least n bytes to write into, behind what is queued; then commit().
  [[nodiscard]] std::span<char> room(std::size_t n);
  void commit(std::size_t n) { end_ += n; }
  void append(std::string_view text);
  void consume(std::size_t n);
  void clear();

 private:
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Octets bytes_;
};

// Who wants to know what servers answer, before clients do.
class AnswerWatcher {
 public:
  virtual void hear(const http::ResponseHead& head) = 0;

 protected:
  ~AnswerWatcher() = default;
};

// The side of one attempt at a server.
struct UpstreamWork : Pooled {
  ReadBuffer in;
  OutBuffer out;
  http::ResponseHead response;
  std::string_view set_cookie;  // for the response of a session that is new or has moved; the snapshot's
  std::string_view rate_limit;  // RateLimit and RateLimit-Policy of the response; the request's and the snapshot's
  std::string_view rate_policy;
  std::string_view cache_status;     // Cache-Status of the response; the request's
  AnswerWatcher* watcher = nullptr;  // of the final head; may be null
  AnswerWatcher* session = nullptr;  // likewise, for the sessions that it makes

  void clear() {
    in.clear();
    out.clear();
  }
};

// A client's connection, while it has something to read or to say.
struct ClientBuffers : Pooled {
  ReadBuffer in;
  OutBuffer out;

  void clear() {
    in.clear();
    out.clear();
  }
};

// A request, whatever it came by.
struct Work : Pooled {
  http::RequestHead request;
  TargetScratch target;
  std::string kept_body;  // of a small request body, to be sent again

  void clear();
};

// Those of requests that are over, for the next ones; with the memory that they have grown to.
template <class Kind>
class WorkPool {
 public:
  [[nodiscard]] std::unique_ptr<Kind> take() {
    if (idle_.empty()) return std::make_unique<Kind>();
    least_ = std::min(least_, idle_.size() - 1);
    std::unique_ptr<Kind> work = std::move(idle_.back());
    idle_.pop_back();
    return work;
  }
  void give_back(std::unique_ptr<Kind> work) {
    if (work == nullptr || idle_.size() >= kKept) return;
    work->clear();
    idle_.push_back(std::move(work));
  }
  // Lets go of half of those that were not needed since the last time.
  void sweep() {
    idle_.resize(idle_.size() - std::min(idle_.size(), (least_ + 1) / 2));
    least_ = idle_.size();
  }
  void clear() { idle_.clear(); }

 private:
  static constexpr std::size_t kKept = 512;  // idle ones, some 10 KiB each; what a crowd leaves goes by sweep()
  std::vector<std::unique_ptr<Kind>> idle_;
  std::size_t least_ = 0;
};

}  // namespace edge
