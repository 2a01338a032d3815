#include "edge/load/scaler.h"

#include <chrono>

#include "shared/load/admin_key.h"

namespace edge {
namespace {

using namespace shared::load;

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
          .required("url", &WebhookConfig::url, optional_of(web_url("https://scaler.internal:8443/meridian")),
                    "Where; its host is resolved by `resolvers`")
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
  made.tls = web_tls(made.url, webhook.tls, diagnostics);
  plan.webhook = std::move(made);
  return plan;
}

}  // namespace edge
