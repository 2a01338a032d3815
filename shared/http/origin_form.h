#pragma once
// OriginForm: a request target that is a path and a query of names and values (RFC 9112 3.2.1, RFC 3986), decoded, and
// back: the admin port reads what the command line writes. Not for the proxy, which forwards targets as they came
// (edge/core/message/target.h). Pure functions, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

struct OriginForm {
  std::string path;                                        // begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  // in order; "?a" has the empty value

  bool operator==(const OriginForm&) const = default;
};

// Nothing: another form, an octet that no target has, an escape that is none, or an escaped NUL. '+' in the query is a
// space, as forms write it.
[[nodiscard]] std::optional<OriginForm> parse_origin_form(std::string_view target);

// "/drain?region=eu&reason=kernel%20update". REQUIRES: the path begins with '/'.
[[nodiscard]] std::string write_origin_form(const OriginForm& target);

}  // namespace http
