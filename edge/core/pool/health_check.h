#pragma once
// HealthCheck: how one server is looked at, and what its answer must be. A pool may have several: a fast one that asks
// whether it lives, a slow one that asks how it feels. Immutable, part of the pool; any thread.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "shared/core/health.h"
#include "shared/core/time.h"

namespace edge {

struct StatusRange {
  std::uint16_t low = 200;
  std::uint16_t high = 299;

  [[nodiscard]] bool contains(std::uint16_t status) const { return low <= status && status <= high; }
  bool operator==(const StatusRange&) const = default;
};

[[nodiscard]] inline bool contains(const std::vector<StatusRange>& ranges, std::uint16_t status) {
  for (const StatusRange& range : ranges) {
    if (range.contains(status)) return true;
  }
  return false;
}

enum class Comparison : std::uint8_t { greater, greater_or_equal, less, less_or_equal, equal, not_equal };

// A number in a JSON body, and what it must not be: {cpu_usage: "> 90"}.
struct NumberRule {
  std::string name;               // as written: "system.cpu.usage"; a digit string is an index into a list
  std::vector<std::string> path;  // split at the dots
  Comparison comparison = Comparison::greater;
  double limit = 0;

  [[nodiscard]] bool holds(double value) const;
};
[[nodiscard]] std::string to_string(const NumberRule& rule);  // "cpu_usage > 90"

struct HealthCheck {
  enum class Kind : std::uint8_t { tcp, http, https, grpc };
  Kind kind = Kind::http;
  std::string name;  // of several: "deep"; for logs
  std::string path = "/";
  std::string service;     // of grpc; empty: the server as a whole
  std::string host;        // Host of the check and name in TLS; empty: the server's own name
  std::uint16_t port = 0;  // 0: the server's own
  shared::milliseconds interval{5000};
  shared::milliseconds timeout{2000};
  double jitter = 0.1;  // each interval is drawn from [1 - jitter, 1] x interval
  std::uint16_t fall = shared::HealthSettings{}.fall;
  std::uint16_t rise = shared::HealthSettings{}.rise;
  std::vector<StatusRange> statuses{{}};
  std::string contains;  // must stand in the body; empty: anything
  std::vector<NumberRule> degraded_when;
  std::vector<NumberRule> unhealthy_when;
  bool verify = false;                             // https: the certificate counts
  std::filesystem::path ca_file;                   // whose certificates are trusted; empty: the system's
  std::shared_ptr<const std::string> authorities;  // what stands in it, PEM; null: the system's
  std::string server_name;                         // wanted in the certificate; empty: that of `host`

  [[nodiscard]] shared::HealthSettings settings() const { return {.fall = fall, .rise = rise}; }

  static constexpr std::size_t kMaxBody = 64 * 1024;  // of which more is not read
};

// Connections that all checks together may have open, of the descriptors that the process may have; half of them are
// kept from one check to the next.
[[nodiscard]] constexpr std::uint64_t check_connections(std::uint64_t descriptors) {
  return std::clamp<std::uint64_t>(descriptors / 8, 8, 65536);
}
[[nodiscard]] constexpr std::uint64_t kept_checks(std::uint64_t descriptors) {
  return check_connections(descriptors) / 2;
}

}  // namespace edge
