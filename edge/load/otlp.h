#pragma once
// Otlp: the collector that spans are told to, as it is written (OtlpConfig) and once its files are read (OtlpPlan).
// Builder's thread; values, any thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/load/web_url.h"
#include "shared/core/time.h"
#include "shared/load/client_tls.h"
#include "shared/load/diagnostics.h"
#include "shared/load/reader.h"
#include "shared/load/table.h"

namespace edge {

using WebFields = std::vector<std::pair<std::string, std::string>>;

struct OtlpConfig {
  std::optional<WebUrl> url;
  shared::load::NamedMap<std::string> headers;
  shared::load::Located<std::filesystem::path> headers_file;  // empty: none
  std::optional<shared::load::ClientTlsConfig> tls;
  shared::Duration timeout = shared::seconds(10);
  bool gzip = false;
  std::uint32_t batch = 512;
  shared::Duration delay = shared::seconds(1);
  std::uint64_t queue = std::uint64_t{4} << 20U;
  std::string service = "meridian-edge";
  bool query = false;
  shared::load::Position at;
};

struct OtlpPlan {
  WebUrl url;
  WebFields headers;
  std::optional<shared::ClientTls> tls;  // with https
  shared::Duration timeout{};
  bool gzip = false;
  std::uint32_t batch = 0;   // spans
  shared::Duration delay{};  // that the first of them waits for others
  std::uint64_t queue = 0;   // octets that wait for the collector
  std::string service;

  bool operator==(const OtlpPlan&) const = default;
};

[[nodiscard]] const shared::load::Table<OtlpConfig>& otlp_table();
// The files that it names.
[[nodiscard]] std::vector<std::filesystem::path> files_of(const OtlpConfig& config);
// With what its files hold; what cannot be used is an error.
[[nodiscard]] std::optional<OtlpPlan> build_otlp(const OtlpConfig& config, shared::load::Diagnostics& diagnostics);

}  // namespace edge
