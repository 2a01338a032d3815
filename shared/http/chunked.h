#pragma once
// ChunkDecoder: the chunked transfer coding (RFC 9112 section 7.1), strict and incremental; bodies are decoded and
// encoded again, never copied through. Data come out as views of the caller's input; nothing is buffered here. One
// decoder for each body; one thread.
//
//   while (true) {
//     step = decoder.next(input); input.remove_prefix(step.consumed);
//     need_more -> read more behind what is left of input      data    -> step.data is body
//     trailer   -> step.trailer is allowed, write it on        done    -> the body is over; input holds what follows
//     error     -> decoder.refusal()
//   }

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/http/fields.h"
#include "shared/http/head.h"
#include "shared/http/refusal.h"

namespace http {

enum class ChunkEvent : std::uint8_t { need_more, data, trailer, done, error };

struct ChunkStep {
  ChunkEvent event = ChunkEvent::need_more;
  std::size_t consumed = 0;  // octets of the input that are dealt with, `data` and the trailer's line included
  std::string_view data;     // never empty with ChunkEvent::data
  Field trailer;
};

class ChunkDecoder {
 public:
  static constexpr std::size_t kMaxExtension = 256;  // octets of one chunk's extensions
  // Extensions may go on for as long as data do: what they are longer than their chunk's data and kFreeExtension is
  // counted, what they are shorter is credited, and this is the most that may be owed.
  static constexpr std::size_t kFreeExtension = 16;
  static constexpr std::size_t kMaxOwed = 4096;
  static constexpr std::size_t kMaxTrailerLine =
      4096;  // a line stays in the input until it is whole: the buffer must hold it
  static constexpr std::size_t kMaxTrailers = 8192;  // octets of the trailer section
  static constexpr std::size_t kMaxTrailerFields = 32;

  explicit ChunkDecoder(Sender sender = Sender::client) : sender_(sender) {}

  [[nodiscard]] ChunkStep next(std::string_view input);

  // REQUIRES: the last step was `error`. Status 400: a request's; for a response the caller answers 502 or cuts.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size,
    size_space,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    done,
    failed
  };

  ChunkStep fail(std::string_view reason);
  // One octet of a chunk's first line or of the CRLF after its data; a literal when it is wrong.
  std::string_view advance(char c);
  std::string_view in_size(char c);
  std::string_view behind_size(char c);
  std::string_view extend();
  std::string_view in_extension(char c);
  std::string_view end_of_size_line(char c);
  ChunkStep next_trailer(std::string_view input, std::size_t consumed);

  Sender sender_;
  State state_ = State::size;
  std::uint8_t digits_ = 0;
  std::uint64_t remaining_ = 0;  // octets of the present chunk's data still to come
  std::size_t extension_ = 0;    // octets of the present chunk's
  std::size_t owed_ = 0;
  std::size_t trailers_ = 0;
  std::size_t trailer_fields_ = 0;
  Refusal refusal_;
};

// Trailers that are passed on: integrity, timing and gRPC's status. Everything else is dropped: never framing, routing
// or authentication fields, and never merged into the head (RFC 9110 6.5.1).
[[nodiscard]] bool trailer_allowed(std::string_view name);

inline constexpr std::size_t kChunkHeadSize = 18;  // 16 hex digits and CRLF
// Writes "1f4\r\n" into `out` and returns its length. REQUIRES: size > 0 (0 would end the body), out.size() >=
// kChunkHeadSize.
[[nodiscard]] std::size_t write_chunk_head(std::span<char> out, std::uint64_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";        // after the data of each chunk
inline constexpr std::string_view kLastChunkHead = "0\r\n";  // then the trailers' lines, then CRLF

}  // namespace http
