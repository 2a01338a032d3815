#pragma once
// Pools: the backends of this region, as the snapshot knows them. Immutable; what changes from moment to moment
// (health, requests in flight) is in Live, addresses of names in Addresses. A pool without servers here may stand for
// another one
// (`absent`), which is resolved at build time. Any thread.

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "edge/core/pool/health_check.h"
#include "edge/core/pool/live.h"
#include "edge/core/pool/selector.h"
#include "edge/core/pool/sticky.h"
#include "edge/core/protect/adaptive_limit.h"
#include "edge/core/protect/breaker.h"
#include "edge/core/protect/ejection.h"
#include "edge/core/protect/overload.h"
#include "edge/core/protect/retry.h"
#include "shared/core/ip.h"
#include "shared/core/proxy_header.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace shared {
struct ClientTls;
}

namespace edge {

enum class PoolId : std::uint32_t {};  // index in Pools; stable within one build of the configuration

inline constexpr std::uint16_t kMaxWeight = 256;  // the least is 1

struct Server {
  std::string name;  // address and port, as configured or found: "10.0.1.10:8080", "checkout.internal:8080"
  std::string host;  // address or name, without brackets
  std::uint16_t port = 0;
  std::uint16_t weight = 1;
  ServerId id{};
  std::uint32_t priority = 0;       // asked before those of a higher number
  std::uint32_t max_in_flight = 0;  // requests; 0: no bound
};

// In place of a server: the DNS says who the servers are, one for each address of a name, or for each SRV record of a
// service.
struct ServerSource {
  enum class Kind : std::uint8_t { dns, srv };
  Kind kind = Kind::dns;
  std::string name;
  std::uint16_t port = 0;  // of dns

  auto operator<=>(const ServerSource&) const = default;
};
[[nodiscard]] std::string to_string(const ServerSource& source);  // "backend.internal:8080", "_http._tcp.internal"

// Connections that are kept between requests.
struct IdleSettings {
  std::uint32_t connections = 512;  // to each server, by each worker; 0: none
  shared::Duration timeout = shared::seconds(60);
};

// What is spoken to a pool's servers.
enum class ServerProtocol : std::uint8_t { http1, h2 };

// Of connections to servers that speak HTTP/2.
struct ServerHttp2 {
  std::uint32_t max_streams = 100;           // at a time on each connection; fewer where the server says so
  std::uint32_t stream_buffer = 128 * 1024;  // octets of an answer's body that may wait for its client
  shared::milliseconds ping{0};              // so long nothing came while streams waited: ask; 0: only when in doubt
};

// What a request's hash is made of, for the algorithms that hash.
struct HashKey {
  enum class Kind : std::uint8_t { client, header, cookie, path };
  Kind kind = Kind::client;
  std::string name;  // of the header or cookie; a request without it is hashed by its client
  http::FieldId field = http::FieldId::other;
};

// Of LeastTime.
struct ResponseTimeRules {
  shared::milliseconds half_life{10000};
  shared::milliseconds error{5000};  // what an error counts as, if it came sooner
};

// What a request does for which every server is down by its checks: those may be wrong, and a server that has just been
// started again is not yet believed.
enum class WhenAllDown : std::uint8_t { try_all, refuse };

// TLS to the servers of a pool. Whom it trusts and what it shows is for who connects.
struct PoolTls {
  std::shared_ptr<const shared::ClientTls> client;  // null: plain; the same as long as nothing in it changes
  bool asks_for_requests_host = false;              // if `client` has no name; else for the server's own

  [[nodiscard]] bool enabled() const { return client != nullptr; }
};

struct Pool {
  PoolId id{};
  PoolSlot slot{};     // in Live
  PoolId effective{};  // itself, or the pool that stands for it here
  std::string name;
  std::vector<Server> servers;
  std::vector<ServerSource> sources;  // what some, or all, of them come from
  Selector selector;                  // of the servers with the lowest priority number
  std::vector<Selector> spares;       // of the others, in order: asked when none before is allowed
  HashKey hash_key;
  ResponseTimeRules response_time;
  Sticky sticky;
  std::vector<HealthCheck> checks;               // none: up as long as it has an address
  std::uint32_t degraded_share = kQuarterShare;  // of its weight, for a degraded server
  double panic = 0;                              // when a smaller share of the servers is eligible, all are used
  WhenAllDown when_all_down = WhenAllDown::try_all;
  EjectionSettings ejection{.mode = shared::Mode::disabled};
  BreakerSettings breaker{.mode = shared::Mode::disabled};
  RetrySettings retry;
  bool bounded = false;  // requests in flight: some server has a bound, or `adaptive` enforces one (see places.h)
  QueueSettings queue{.size = 0};
  ShedSettings shed;
  AdaptiveSettings adaptive;
  std::vector<StatusRange> bad_statuses{{502, 504}};  // of answers that speak against their server
  IdleSettings idle;
  PoolTls tls;
  ServerProtocol protocol = ServerProtocol::http1;
  ServerHttp2 http2;
  std::optional<shared::ProxyVersion> proxy_protocol;  // with which connections to its servers begin
  shared::milliseconds slow_start{0};                  // a server that came up reaches its weight after it
  bool critical = false;                               // without a server here the region is down for DNS

  [[nodiscard]] bool measures_time() const { return std::holds_alternative<LeastTime>(selector); }
  [[nodiscard]] bool counts_in_flight() const {
    if (bounded || adaptive.mode != shared::Mode::disabled) return true;
    const auto* slots = std::get_if<HashSlots>(&selector);
    return slots != nullptr && slots->bound_percent != 0;
  }
};

// Of a request that no server could be picked for.
[[nodiscard]] std::string_view why_no_server(const Pool& pool);

class Pools {
 public:
  Pools() = default;
  // REQUIRES: pools[i].id == i, and every `effective` is in range.
  explicit Pools(std::vector<Pool> pools) : pools_(std::move(pools)) {}

  [[nodiscard]] const Pool& configured(PoolId id) const { return pools_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Pool& effective(PoolId id) const { return configured(configured(id).effective); }
  [[nodiscard]] const Pool* find(std::string_view name) const;
  [[nodiscard]] std::span<const Pool> all() const { return pools_; }

 private:
  std::vector<Pool> pools_;
};

// Where servers are, by ServerId: literal addresses from the build, those of names from the Resolver. A part of the
// snapshot of its own, since it changes with DNS and not with the configuration. No address: the server is down.
class Addresses {
 public:
  void set(ServerId id, std::vector<shared::Endpoint> endpoints);
  [[nodiscard]] std::span<const shared::Endpoint> of(ServerId id) const {
    const auto index = static_cast<std::size_t>(id);
    return index < endpoints_.size() ? std::span<const shared::Endpoint>(endpoints_[index])
                                     : std::span<const shared::Endpoint>();
  }

 private:
  std::vector<std::vector<shared::Endpoint>> endpoints_;
};

}  // namespace edge
