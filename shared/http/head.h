#pragma once
// HeadParser: requests' and responses' heads (RFC 9112) from one contiguous buffer, one strict pass, no allocation. The
// result's views point into that buffer. The parser is the connection's; it remembers how far it has looked, so that a
// head which trickles in is not read again and again. The buffer may move or grow between calls, but must begin with
// the same bytes. One thread.
//
//   state = parser.parse_request(buffered, limits, head);
//   complete   -> head is filled; consume head.size bytes, call reset() before the next head
//   incomplete -> read more, call again with all the bytes
//   error      -> parser.refusal(): answer it, close

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/http/fields.h"
#include "shared/http/refusal.h"

namespace http {

enum class Method : std::uint8_t { get, head, post, put, delete_, connect, options, trace, patch, other };
enum class Version : std::uint8_t { http_1_0, http_1_1 };  // 1.2 to 1.9 count as 1.1 (RFC 9110 2.5)

[[nodiscard]] constexpr std::string_view version_text(Version version) {
  return version == Version::http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
}

// Whose message it is. What cannot smuggle a request is forgiven to servers: a space before a colon (RFC 9112 5.1) or
// behind a chunk's size.
enum class Sender : std::uint8_t { client, server };

[[nodiscard]] Method method_of(std::string_view text);  // case-sensitive (RFC 9110 9.1)
[[nodiscard]] bool is_idempotent(Method method);        // RFC 9110 9.2.2
[[nodiscard]] bool is_safe(Method method);              // RFC 9110 9.2.1; TRACE is never served

struct HeadLimits {
  std::uint32_t max_head = 32 * 1024;                   // octets of the head with its empty line: over it 431
  std::uint32_t max_target = 8 * 1024;                  // octets of the request target: over it 414
  std::uint16_t max_fields = FieldList::kMostReceived;  // over it 431; at most FieldList::kCapacity
};

struct RequestHead {
  Method method = Method::other;
  Version version = Version::http_1_1;
  std::string_view method_text;
  std::string_view target;  // as received
  FieldList fields;
  std::size_t size = 0;  // octets of the buffer that the head took, with its empty line
};

struct ResponseHead {
  std::uint16_t status = 0;
  Version version = Version::http_1_1;
  std::string_view reason;
  FieldList fields;
  std::size_t size = 0;
};

enum class ParseState : std::uint8_t { incomplete, complete, error };

// One field line, or the empty line that ends a section, from the front of `input`: for trailers.
struct FieldLine {
  ParseState state = ParseState::incomplete;
  bool end = false;      // the empty line
  std::size_t size = 0;  // octets of the line with its CRLF
  Field field;
  std::string_view reason;  // a literal, with ParseState::error
};
[[nodiscard]] FieldLine parse_field_line(std::string_view input, Sender sender);

class HeadParser {
 public:
  [[nodiscard]] ParseState parse_request(std::string_view buffer, const HeadLimits& limits, RequestHead& head);
  [[nodiscard]] ParseState parse_response(std::string_view buffer, const HeadLimits& limits, ResponseHead& head);

  // REQUIRES: the last call returned `error`. A response's refusal is always 502.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  void reset() { seen_ = 0; }

 private:
  template <class Head>
  ParseState parse(std::string_view buffer, const HeadLimits& limits, Head& head);

  std::size_t seen_ = 0;  // octets already looked at without finding the end; 0: try the whole parse at once
  Refusal refusal_;
};

}  // namespace http
