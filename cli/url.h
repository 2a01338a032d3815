#pragma once
// Url: the parts of an http or https URL (RFC 3986) that a request is made of. Pure, any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace cli {

struct Url {
  std::string scheme;      // "http", "https"
  std::string host;        // in lower case; an IPv6 address in its brackets
  std::uint16_t port = 0;  // the scheme's own if the URL has none
  std::string path = "/";  // with the query, as it is written

  // "https://www.example.com:8443/x?y"
  [[nodiscard]] std::string to_string() const;
};

[[nodiscard]] shared::Result<Url> parse_url(std::string_view text);

}  // namespace cli
