#include "shared/http/chunked.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"
#include "shared/http/head.h"

namespace http {
namespace {

constexpr std::uint8_t kMaxDigits = 16;  // of a chunk's size: 64 bits

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

}  // namespace

ChunkStep ChunkDecoder::fail(std::string_view reason) {
  state_ = State::failed;
  refusal_ = {400, reason};
  return {ChunkEvent::error, 0, {}, {}};
}

std::string_view ChunkDecoder::in_size(char c) {
  if (const int digit = shared::hex_digit(c); digit >= 0) {
    if (++digits_ > kMaxDigits) return "chunk size too long";
    remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
    return {};
  }
  if (digits_ == 0) return "malformed chunk size";
  return behind_size(c);
}

std::string_view ChunkDecoder::behind_size(char c) {
  if (c == '\r') {
    state_ = State::size_lf;
    return {};
  }
  const bool space = sender_ == Sender::server && (c == ' ' || c == '\t');
  if (c != ';' && !space) return "malformed chunk size";
  state_ = space ? State::size_space : State::extension;
  return extend();
}

std::string_view ChunkDecoder::extend() {
  return ++extension_ > kMaxExtension ? "chunk extension too long" : std::string_view{};
}

std::string_view ChunkDecoder::in_extension(char c) {
  if (c == '\r') {
    state_ = State::size_lf;
    return {};
  }
  if (is_control(c)) return "control octet in a chunk extension";
  return extend();
}

std::string_view ChunkDecoder::end_of_size_line(char c) {
  if (c != '\n') return "bare CR in a chunk's first line";
  digits_ = 0;
  owed_ += extension_;
  owed_ -= static_cast<std::size_t>(std::min<std::uint64_t>(owed_, remaining_));
  owed_ -= std::min(owed_, kFreeExtension);
  extension_ = 0;
  if (owed_ > kMaxOwed) return "chunk extensions longer than the data";
  state_ = remaining_ == 0 ? State::trailer : State::data;
  return {};
}

std::string_view ChunkDecoder::advance(char c) {
  switch (state_) {
    case State::size:
      return in_size(c);
    case State::size_space:
      return behind_size(c);
    case State::extension:
      return in_extension(c);
    case State::size_lf:
      return end_of_size_line(c);
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r' ? std::string_view{} : "chunk data longer than its size";
    case State::data_lf:
      state_ = State::size;
      return c == '\n' ? std::string_view{} : "bare CR after chunk data";
    default:
      return {};
  }
}

ChunkStep ChunkDecoder::next_trailer(std::string_view input, std::size_t consumed) {
  while (true) {
    const std::string_view rest = input.substr(consumed);
    const FieldLine line = parse_field_line(rest, sender_);
    if (line.state == ParseState::error) return fail(line.reason);
    if (line.state == ParseState::incomplete) {
      if (rest.size() > kMaxTrailerLine) return fail("trailer line too long");
      return {ChunkEvent::need_more, consumed, {}, {}};
    }
    consumed += line.size;
    trailers_ += line.size;
    if (line.end) {
      state_ = State::done;
      return {ChunkEvent::done, consumed, {}, {}};
    }
    if (trailers_ > kMaxTrailers || ++trailer_fields_ > kMaxTrailerFields) return fail("trailers too long");
    if (trailer_allowed(line.field.name)) return {ChunkEvent::trailer, consumed, {}, line.field};
  }
}

ChunkStep ChunkDecoder::next(std::string_view input) {
  if (state_ == State::failed) return {ChunkEvent::error, 0, {}, {}};
  if (state_ == State::done) return {ChunkEvent::done, 0, {}, {}};
  std::size_t i = 0;
  while (i < input.size()) {
    if (state_ == State::trailer) return next_trailer(input, i);
    if (state_ == State::data) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size() - i));
      remaining_ -= take;
      if (remaining_ == 0) state_ = State::data_cr;
      return {ChunkEvent::data, i + take, input.substr(i, take), {}};
    }
    if (const std::string_view reason = advance(input[i]); !reason.empty()) return fail(reason);
    ++i;
  }
  return {ChunkEvent::need_more, i, {}, {}};
}

bool trailer_allowed(std::string_view name) {
  constexpr std::array<std::string_view, 13> kAllowed{
      "Content-Digest",
      "Content-MD5",
      "Digest",
      "ETag",
      "Repr-Digest",
      "Server-Timing",
      "Grpc-Status",
      "Grpc-Message",
      "Grpc-Status-Details-Bin",
      "X-Checksum",
      "X-Content-SHA256",
      "X-Stream-Error",
      "X-Amz-Trailer-Signature",
  };
  constexpr std::string_view kAmazonChecksum = "X-Amz-Checksum-";
  for (const std::string_view allowed : kAllowed) {
    if (equals_ignoring_case(name, allowed)) return true;
  }
  return equals_ignoring_case(name.substr(0, kAmazonChecksum.size()), kAmazonChecksum);
}

std::size_t write_chunk_head(std::span<char> out, std::uint64_t size) {
  std::size_t digits = 1;
  while (digits < kMaxDigits && (size >> (4 * digits)) != 0) ++digits;
  for (std::size_t i = 0; i < digits; ++i) out[i] = shared::kHexDigits[(size >> (4 * (digits - 1 - i))) & 15];
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace http
