#pragma once
// Scaler: who is told how many servers a pool shall have, as it is written (ScalerConfig) and once its files are read
// (ScalerPlan). Builder's thread; values, any thread.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/load/web_url.h"
#include "shared/core/time.h"
#include "shared/load/client_tls.h"
#include "shared/load/diagnostics.h"
#include "shared/load/reader.h"
#include "shared/load/table.h"

namespace edge {

struct WebhookConfig {
  std::optional<WebUrl> url;
  shared::load::Located<std::filesystem::path> key;
  shared::Duration timeout = shared::seconds(5);
  std::optional<shared::load::ClientTlsConfig> tls;
  shared::load::Position at;
};

struct ScalerConfig {
  std::optional<WebhookConfig> webhook;
  bool file = false;
  shared::load::Position at;
};

struct ScalerPlan {
  struct Webhook {
    WebUrl url;
    std::string key;  // of its signature
    shared::Duration timeout{};
    std::optional<shared::ClientTls> tls;  // with https

    bool operator==(const Webhook&) const = default;
  };
  std::optional<Webhook> webhook;
  bool file = false;
};

[[nodiscard]] const shared::load::Table<ScalerConfig>& scaler_table();
// With what its files hold; what cannot be used is an error.
[[nodiscard]] ScalerPlan build_scaler(const std::optional<ScalerConfig>& config,
                                      shared::load::Diagnostics& diagnostics);

}  // namespace edge
