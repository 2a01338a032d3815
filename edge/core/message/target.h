#pragma once
// Targets: which host and which path a request means. Checks the request-target's form against Host (RFC 9112 3.2) and
// normalises the path: unreserved characters decoded, `.` and `..` resolved, %2F kept and never a separator. `//` is
// read as `/` by routes and lists and forwarded as it came; match() refuses a path whose two forms lead apart.
// Views point into the head's buffer when nothing had to change (the common case, no allocation), else into the
// TargetScratch, which the exchange owns and reuses. One thread.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/message/errors.h"
#include "shared/http/head.h"

namespace edge {

enum class TargetForm : std::uint8_t { origin, absolute, asterisk };

struct TargetScratch {
  std::string path;
  std::string kept;
  std::string plain;
  std::string twin;
  std::string twin_before;
  std::string sent_path;   // made by a route's rules
  std::string sent_query;  // likewise
  std::array<char, 256> host{};
};

struct RequestTarget {
  TargetForm form = TargetForm::origin;
  std::string_view
      authority;  // host with its port as the client wrote it: what is forwarded as Host; empty only in HTTP/1.0
  std::string_view host;   // for routing: lower case, no port, no brackets, no final dot
  std::string_view path;   // normalised, without empty segments; "*" in asterisk form
  std::string_view kept;   // the same with the empty segments that came
  std::string_view query;  // as received, with its '?'; empty when there is none
};

// 400, or 405 for CONNECT and TRACE.
[[nodiscard]] http::Checked<RequestTarget> resolve_target(const http::RequestHead& head, TargetScratch& scratch);

struct NormalPath {
  std::string_view merged;
  std::string_view kept;
};
// The path that the URL's path means to us. Refuses %00, %5C, a backslash, an escape that is none, overlong UTF-8.
// Uses scratch.path and scratch.kept. REQUIRES: path begins with '/'.
[[nodiscard]] http::Checked<NormalPath> normalise_path(std::string_view path, TargetScratch& scratch);

// Whether normalise_path() would leave the escapes of `path` as they are, and refuse none of it.
[[nodiscard]] bool has_normal_escapes(std::string_view path);

// Empty segments beside `..`: "/a//../b" is /b to who merges them first, and /a/b to RFC 3986 5.2.4.
enum class Slashes : std::uint8_t { merge, keep };

// A decoded twin: all escapes of `path` decoded once, parameters cut off, and the dot segments resolved again, as an
// upstream might. Returns false when there is nothing left to decode. kTwinLevels rounds are looked at: what is still
// escaped then is refused.
[[nodiscard]] bool decode_twin(std::string_view path, Slashes slashes, std::string& twin);
// The path without the parameters of its segments: "/a;v=1/b;c" -> "/a/b"; nothing else changes.
void cut_parameters(std::string_view path, std::string& plain);
inline constexpr unsigned kTwinLevels = 3;

// "example.com:8080", "[2001:db8::1]": the host as the registered name or address it is, without its port; empty
// optional when it is malformed. `host` may be empty only if the authority is.
struct Authority {
  std::string_view host;   // as written, without brackets and final dot
  std::uint16_t port = 0;  // 0: not given
};
[[nodiscard]] http::Checked<Authority> parse_authority(std::string_view text);

}  // namespace edge
