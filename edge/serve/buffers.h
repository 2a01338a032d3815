#pragma once
// The memory of one running request: read buffers, heads, output queues. Taken from the worker's pool when the first
// byte of a request arrives, given back when the request is done, so an idle connection holds none. One worker's
// thread.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/head.h"
#include "edge/core/target.h"

namespace edge {

// Bytes received and not yet used:   [0 .. pinned .. begin .. end .. capacity)
// What is pinned (a head whose views are in use) neither moves nor is overwritten.
class ReadBuffer {
 public:
  static constexpr std::size_t kSize = 32 * 1024;

  [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const { return bytes_.size(); }
  // Where to receive into; moves what is unread down to the pin first when little room is left. Empty: full.
  [[nodiscard]] std::span<char> space();
  void commit(std::size_t n) { end_ += n; }
  void consume(std::size_t n) { begin_ += n; }
  // The first n bytes of the view become the pinned part. REQUIRES: nothing is pinned.
  void pin(std::size_t n);
  // Frees the pinned part; what is unread moves to the front.
  void unpin();
  // Invalidates views.
  void grow(std::size_t capacity) { bytes_.resize(capacity); }
  void clear();

 private:
  std::vector<char> bytes_ = std::vector<char>(kSize);
  std::size_t pinned_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Bytes to send, in order; what was sent leaves from the front.
class OutBuffer {
 public:
  [[nodiscard]] std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  // At least n bytes to write into, behind what is queued; then commit().
  [[nodiscard]] std::span<char> room(std::size_t n);
  void commit(std::size_t n) { end_ += n; }
  void append(std::string_view text);
  void consume(std::size_t n);
  void clear();

 private:
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<char[]> bytes_;
};

// The side of one attempt at a server.
struct UpstreamWork {
  ReadBuffer in;
  OutBuffer out;
  ResponseHead response;
  std::string_view set_cookie;  // for the response of a session that is new or has moved; the snapshot's
};

struct Work {
  ReadBuffer client_in;
  OutBuffer client_out;
  RequestHead request;
  TargetScratch target;
  UpstreamWork upstream;
  std::string kept_body;  // of a small request body, to be sent again
};

class WorkPool {
 public:
  [[nodiscard]] std::unique_ptr<Work> take();
  void give_back(std::unique_ptr<Work> work);

 private:
  static constexpr std::size_t kKept = 64;  // idle ones, about 80 KiB each
  std::vector<std::unique_ptr<Work>> idle_;
};

}  // namespace edge
