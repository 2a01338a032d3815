#include "edge/load/web_url.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "shared/core/ip.h"

namespace edge {
namespace {

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::optional<WebUrl> parse_web_url(std::string_view text) {
  WebUrl url;
  if (text.starts_with("https://")) {
    url.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  const auto plain = [](char c) { return c > ' ' && c <= '~' && c != '#' && c != '"' && c != '\\'; };
  if (!std::ranges::all_of(url.target, plain)) return std::nullopt;
  std::string_view host = url.authority;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
    const auto address = shared::IpAddress::parse(host);
    if (!address || host.find(':') == std::string_view::npos) return std::nullopt;
  } else {
    const std::size_t colon = std::min(host.find(':'), host.size());
    port = host.substr(colon);
    host = host.substr(0, colon);
    if (!is_host(host)) return std::nullopt;
  }
  url.host = host;
  url.port = url.tls ? 443 : 80;
  if (port.empty()) return url;
  port.remove_prefix(1);
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc{} || stop != port.data() + port.size() || url.port == 0) return std::nullopt;
  return url;
}

shared::load::Reader<WebUrl> web_url(const char* example) {
  using namespace shared::load;
  return custom<WebUrl>("URL", [example](const Node& node, Diagnostics& diagnostics) -> std::optional<WebUrl> {
    const std::string wanted = std::string("a URL such as ") + example;
    if (!expect_scalar(node, wanted, diagnostics)) return std::nullopt;
    auto url = parse_web_url(node.text);
    if (!url) expected(node, wanted, diagnostics);
    return url;
  });
}

std::optional<shared::ClientTls> web_tls(const WebUrl& url, const std::optional<shared::load::ClientTlsConfig>& config,
                                         shared::load::Diagnostics& diagnostics) {
  if (!url.tls) return std::nullopt;
  const shared::load::ClientTlsConfig verified;
  auto tls = shared::load::read_client_tls(config.value_or(verified), std::chrono::system_clock::now(), diagnostics);
  if (tls.server_name.empty()) tls.server_name = url.host;
  return tls;
}

}  // namespace edge
