#include "edge/load/scaler.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "shared/core/ip.h"
#include "shared/load/admin_key.h"

namespace edge {
namespace {

using namespace shared::load;

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

Reader<WebUrl> web_url() {
  return custom<WebUrl>("URL", [](const Node& node, Diagnostics& diagnostics) -> std::optional<WebUrl> {
    if (!expect_scalar(node, "a URL such as https://scaler.internal/meridian", diagnostics)) return std::nullopt;
    auto url = parse_web_url(node.text);
    if (!url) expected(node, "a URL such as https://scaler.internal:8443/meridian", diagnostics);
    return url;
  });
}

void check_webhook(const WebhookConfig& webhook, const Node& node, Diagnostics& diagnostics) {
  if (webhook.url && !webhook.url->tls && webhook.tls) {
    diagnostics.error(node.find("tls")->key_at, "tls has no effect: the URL begins with http://");
  }
}

const Table<WebhookConfig>& webhook_table() {
  static const auto table =
      Table<WebhookConfig>("edge.scaler.webhook",
                           "Gets a POST of JSON when a pool shall have another number of servers. See "
                           "docs/scaling.md for what is in it and how to verify it.")
          .required("url", &WebhookConfig::url, optional_of(web_url()), "Where; its host is resolved by `resolvers`")
          .required("key", &WebhookConfig::key, located(file_path()),
                    "File of the secret that X-Meridian-Signature is made with (HMAC-SHA256): one line of at least 16 "
                    "printable characters")
          .field("timeout", &WebhookConfig::timeout, duration(shared::milliseconds(100), std::chrono::minutes(1)),
                 "For the whole answer; then it is called again, after 1 s, 2 s ... 1 min")
          .field("tls", &WebhookConfig::tls, optional_of(nested(client_tls_table())),
                 "Of https; without it the system's authorities count")
          .check(check_webhook)
          .position(&WebhookConfig::at);
  return table;
}

void check_scaler(const ScalerConfig& scaler, const Node& node, Diagnostics& diagnostics) {
  if (!scaler.webhook && !scaler.file) {
    diagnostics.error(node.at, "scaler: say whom to tell: webhook: {url: ..., key: ...}, or file: true");
  }
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

const Table<ScalerConfig>& scaler_table() {
  static const auto table =
      Table<ScalerConfig>("edge.scaler", "Who starts and ends servers of pools with `autoscale: {mode: on}`.")
          .field("webhook", &ScalerConfig::webhook, optional_of(nested(webhook_table())), "Somebody is called")
          .field("file", &ScalerConfig::file, boolean(),
                 "What is wanted stands in scale.json of the edge's folder in the state directory, replaced as a whole "
                 "at each change")
          .check(check_scaler)
          .position(&ScalerConfig::at);
  return table;
}

ScalerPlan build_scaler(const std::optional<ScalerConfig>& config, Diagnostics& diagnostics) {
  ScalerPlan plan;
  if (!config) return plan;
  plan.file = config->file;
  if (!config->webhook || !config->webhook->url) return plan;
  const WebhookConfig& webhook = *config->webhook;
  ScalerPlan::Webhook made{
      .url = *webhook.url, .key = load_admin_key(webhook.key, diagnostics), .timeout = webhook.timeout, .tls = {}};
  if (made.url.tls) {
    const ClientTlsConfig verified;
    made.tls = read_client_tls(webhook.tls.value_or(verified), std::chrono::system_clock::now(), diagnostics);
    if (made.tls->server_name.empty()) made.tls->server_name = made.url.host;
  }
  plan.webhook = std::move(made);
  return plan;
}

}  // namespace edge
