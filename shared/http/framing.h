#pragma once
// Framing: how long a message's body is, whether the connection lives on, and what Expect and Upgrade ask for; decided
// once from a parsed head (RFC 9112 section 6). Every ambiguity is a refusal: nothing of such a message is forwarded.
// Pure functions, value types, any thread.

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "shared/http/head.h"
#include "shared/http/refusal.h"

namespace http {

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

struct Body {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // octets; for BodyKind::length only, may be 0

  bool operator==(const Body&) const = default;
};

enum class Persistence : std::uint8_t { keep, close };
enum class Expectation : std::uint8_t { none, continue_100 };

struct RequestFraming {
  Body body;
  Persistence persistence = Persistence::keep;
  Expectation expectation = Expectation::none;  // never continue_100 for HTTP/1.0 clients: they get no 1xx
  bool upgrade = false;                         // `Connection: upgrade` with an Upgrade field, no body, HTTP/1.1
  bool te_trailers = false;                     // `TE: trailers`: the client takes trailers
};

struct ResponseFraming {
  Body body;
  Persistence persistence = Persistence::keep;  // may the upstream connection be pooled after the body?
  bool interim = false;                         // 1xx other than 101: another head follows
  bool switched = false;                        // 101 that was asked for: both directions become a tunnel
};

inline constexpr std::uint64_t kNoBodyLimit = std::numeric_limits<std::uint64_t>::max();

// 400, 413, 417 or 501 when refused.
[[nodiscard]] Checked<RequestFraming> frame_request(const RequestHead& head, std::uint64_t max_body);

struct AskedFor {
  Method method = Method::get;
  bool upgrade = false;  // an upgrade was forwarded to this upstream
};
// 502 when refused.
[[nodiscard]] Checked<ResponseFraming> frame_response(const ResponseHead& head, AskedFor asked);

// How the response's body goes to the client: its length if known, else chunks, else (HTTP/1.0) until close.
[[nodiscard]] Body client_body(const Body& upstream, Version client);

// Digits only, no sign, no list, no leading zero but "0" itself, no overflow (RFC 9110 8.6).
[[nodiscard]] std::optional<std::uint64_t> parse_content_length(std::string_view text);

}  // namespace http
