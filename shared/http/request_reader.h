#pragma once
// RequestReader: whole requests, one after another, as their octets come: head, body by its framing. For a server whose
// requests are small, such as the admin port; the proxy streams. Strict as the codec is, and bounded: it holds one
// head, one body and what was read behind them. One for each connection; no I/O; one thread.
//
//   state = reader.feed(bytes)
//   incomplete -> read more      complete -> head(), framing(), body(); then next()      refused -> refusal(), close

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/http/chunked.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace http {

struct RequestLimits {
  std::uint32_t head = 16 * 1024;  // octets: over it 431
  std::uint64_t body = 64 * 1024;  // octets: over it 413
};

class RequestReader {
 public:
  enum class State : std::uint8_t { incomplete, complete, refused };

  explicit RequestReader(const RequestLimits& limits) : limits_(limits) {}
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes the next octets, of which there may be none. Those behind a request wait for next().
  State feed(std::string_view bytes);
  // Drops the request and begins with what came behind it: feed({}) says whether that is a whole one.
  // REQUIRES: `complete`.
  void next();

  // Some octets of a request are here.
  [[nodiscard]] bool begun() const { return !in_.empty(); }
  // REQUIRES: `complete`; views until next() or feed().
  [[nodiscard]] const RequestHead& head() const { return head_; }
  [[nodiscard]] const RequestFraming& framing() const { return framing_; }
  [[nodiscard]] std::string_view body() const { return body_; }
  // REQUIRES: `refused`.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  State read_head();
  State read_body();
  State read_chunks();
  State complete();
  State refuse_with(const Refusal& refusal);
  [[nodiscard]] HeadLimits head_limits() const;

  RequestLimits limits_;
  State state_ = State::incomplete;
  HeadParser parser_;
  std::string in_;             // the head, and what came behind it and is not yet in body_
  std::size_t head_size_ = 0;  // 0: not whole yet
  RequestHead head_;
  RequestFraming framing_;
  ChunkDecoder chunks_;
  std::string body_;
  Refusal refusal_;
};

}  // namespace http
