#include "cli/url.h"

#include <algorithm>
#include <charconv>

namespace cli {
namespace {

constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

shared::Result<std::uint16_t> read_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535) {
    return shared::fail("'" + std::string(text) + "' is no port");
  }
  return static_cast<std::uint16_t>(port);
}

// Where the port of an authority begins with its colon; its end: there is none.
std::size_t port_at(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return std::min(colon, authority.size());
}

}  // namespace

std::string Url::to_string() const {
  const std::uint16_t usual = scheme == "https" ? kHttps : kHttp;
  return scheme + "://" + host + (port == usual ? std::string() : ":" + std::to_string(port)) + path;
}

shared::Result<Url> parse_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return shared::fail("'" + std::string(text) + "' is no URL: it begins with http:// or https://");
  }
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return shared::fail("an edge speaks http and https, not " + url.scheme);
  }
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    return shared::fail("a user in a URL is never sent: say --header 'Authorization: ...'");
  }
  if (rest.find('#') != std::string_view::npos) return shared::fail("what follows # is never sent: leave it out");
  const std::size_t at = port_at(authority);
  url.host = lower(authority.substr(0, at));
  if (url.host.empty()) return shared::fail("the URL has no host");
  url.port = url.scheme == "https" ? kHttps : kHttp;
  if (at + 1 < authority.size()) {
    const auto port = read_port(authority.substr(at + 1));
    if (!port) return tl::unexpected(port.error());
    url.port = *port;
  }
  const std::string_view path = rest.substr(end);
  url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  return url;
}

}  // namespace cli
