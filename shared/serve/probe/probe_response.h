#pragma once
// ProbeResponse: reads one HTTP/1.x answer to a GET, as it comes, strictly: what could be read in two ways is bad,
// since a peer that frames badly is not healthy. Keeps the beginning of the body and drops the rest. One per probe, one
// thread, no I/O.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shared {

class ProbeResponse {
 public:
  static constexpr std::size_t kDefaultKept = 4096;

  explicit ProbeResponse(std::size_t kept = kDefaultKept) : kept_(kept) {}

  // Takes the next bytes. Bytes past the end of the answer make the connection unfit for another request.
  void feed(std::string_view bytes);
  // The peer closed: the end of a body without a length, bad anywhere else.
  void feed_end();

  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  [[nodiscard]] bool bad() const { return phase_ == Phase::bad; }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] std::string_view error() const { return error_; }  // why bad() is
  [[nodiscard]] std::uint16_t status() const { return status_; }   // 0 until known
  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] bool body_complete() const { return body_bytes_ == body_.size(); }  // nothing was dropped
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }                     // once done()

 private:
  enum class Phase : std::uint8_t {
    status_line,
    fields,
    sized_body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    body_until_close,
    done,
    bad
  };

  void take_line(std::string_view& bytes);
  void take_body(std::string_view& bytes);
  void on_line(std::string_view line);
  void on_status_line(std::string_view line);
  void on_field(std::string_view line);
  void on_content_length(std::string_view value);
  void on_connection(std::string_view value);
  void on_head_end();
  void on_chunk_size(std::string_view line);
  void fail_with(std::string_view why);

  std::size_t kept_;  // octets of the body
  Phase phase_ = Phase::status_line;
  std::string line_;             // an unfinished one
  std::size_t head_bytes_ = 0;   // of all lines, trailers too
  std::uint64_t remaining_ = 0;  // of the sized body or the chunk
  std::uint64_t body_bytes_ = 0;
  std::string body_;
  std::string_view error_;
  std::uint16_t status_ = 0;
  bool started_ = false;
  bool keep_alive_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
};

}  // namespace shared
