#pragma once
// WebUrl: where the control loop posts something to: a webhook, a collector. Values; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/load/client_tls.h"
#include "shared/load/diagnostics.h"
#include "shared/load/reader.h"

namespace edge {

// "https://scaler.internal:8443/meridian?of=eu"
struct WebUrl {
  bool tls = false;
  std::string authority;  // as in Host
  std::string host;       // without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query

  bool operator==(const WebUrl&) const = default;
};
[[nodiscard]] std::optional<WebUrl> parse_web_url(std::string_view text);
[[nodiscard]] shared::load::Reader<WebUrl> web_url(const char* example);

// TLS towards it: verified, by the system's authorities unless `config` says otherwise, and under its own name; none:
// it is plain.
[[nodiscard]] std::optional<shared::ClientTls> web_tls(const WebUrl& url,
                                                       const std::optional<shared::load::ClientTlsConfig>& config,
                                                       shared::load::Diagnostics& diagnostics);

}  // namespace edge
