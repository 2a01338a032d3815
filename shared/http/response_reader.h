#pragma once
// ResponseReader: one whole answer, as its octets come: head, body by its framing, end. For those who want an answer
// and not a stream: probes, calls of the control loop, the command line. Read with the codec that the proxy uses, so
// that what is well for one is well for the other. Keeps the head and the beginning of the body, counts the rest. One
// for each request; no I/O; one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/http/chunked.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace http {

struct ResponseLimits {
  std::uint32_t head = 16 * 1024;               // octets of the head, and of all interim heads before it
  std::uint64_t body = std::uint64_t{1} << 20;  // octets: a longer body makes the answer bad
  std::size_t kept = 4096;                      // octets of the body that body() has
};

class ResponseReader {
 public:
  explicit ResponseReader(const ResponseLimits& limits = {}, Method asked = Method::get)
      : limits_(limits), asked_(asked) {}

  // Takes the next octets. Octets past the end of the answer make the connection unfit for another request.
  void feed(std::string_view bytes);
  // The peer closed: the end of a body without a length, bad anywhere else.
  void feed_end();

  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  [[nodiscard]] bool bad() const { return phase_ == Phase::bad; }
  [[nodiscard]] bool started() const { return started_; }          // something came
  [[nodiscard]] std::string_view error() const { return error_; }  // why bad() is; a literal
  [[nodiscard]] std::uint16_t status() const { return status_; }   // 0 until known
  // A field of the head, the first of its name. REQUIRES: status() is known.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const;
  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] bool body_complete() const { return body_octets_ == body_.size(); }  // nothing was dropped
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }                      // once done()

 private:
  enum class Phase : std::uint8_t { head, sized_body, chunked_body, body_until_close, done, bad };

  void take_head(std::string_view& bytes);
  void on_head(const ResponseHead& head);
  void take_body(std::string_view& bytes);
  void take_chunks(std::string_view& bytes);
  void keep(std::string_view part);
  void fail_with(std::string_view why);

  ResponseLimits limits_;
  Method asked_;
  Phase phase_ = Phase::head;
  HeadParser parser_;
  std::string head_;         // as it came
  std::size_t interim_ = 0;  // octets of heads before it
  ChunkDecoder chunks_{Sender::server};
  std::string pending_;          // a trailer that is not whole
  std::uint64_t remaining_ = 0;  // of the sized body
  std::uint64_t body_octets_ = 0;
  std::string body_;
  std::string_view error_;
  std::uint16_t status_ = 0;
  bool started_ = false;
  bool keep_alive_ = false;
};

}  // namespace http
