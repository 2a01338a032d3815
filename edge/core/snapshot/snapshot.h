#pragma once
// Snapshot: everything that a request needs to know, immutable. Each part is rebuilt alone by Control and shared with
// the snapshots before and after it; the snapshot is published as one pointer, so parts that must agree always do. An
// edge request pins the one it began with. Health is not here but in Live, see live.h for why.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "edge/core/access/access_list.h"
#include "edge/core/access/auth.h"
#include "edge/core/message/error_pages.h"
#include "edge/core/message/header_rules.h"
#include "edge/core/message/tier.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/rate_limit.h"
#include "edge/core/route/pool_listener.h"
#include "edge/core/route/route.h"
#include "shared/core/prefix_set.h"
#include "shared/core/time.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

struct Identity {
  std::string service;
  std::string region;
  std::string node;  // this edge's own address in `regions`
};

// Of client connections; absolute where a trickle could extend it.
struct ClientTimeouts {
  shared::milliseconds handshake{5000};    // TLS, from accept
  shared::milliseconds head{10000};        // for the whole head, from its first byte (or from accept)
  shared::milliseconds keep_alive{75000};  // idle between two requests
  shared::milliseconds body{60000};        // without progress reading a request's body
  shared::milliseconds send{60000};        // without progress writing a response
  shared::milliseconds linger{30000};      // reading the rest of a request after its answer, see linger.h
};

// Of a process; only a restart changes them.
struct ProcessLimits {
  std::uint32_t max_connections = 10'000;              // of clients
  std::uint64_t max_memory = std::uint64_t{1} << 30U;  // octets of their connections and requests
};

// A client's FIN behind a whole request: has it left, or does it only have nothing more to say?
enum class HalfClose : std::uint8_t { abort, allow };

// HTTP/2 of clients.
struct Http2Settings {
  bool prior_knowledge = true;             // spoken without TLS by who begins with it (RFC 9113 3.3)
  std::uint32_t max_streams = 128;         // at once on a connection
  std::uint32_t max_buffer = 1024 * 1024;  // octets of bodies and heads that wait in one
};

// What the access log holds besides what it always does.
struct AccessLogSettings {
  struct Field {
    std::string name;  // as a client writes it: User-Agent
    std::string key;   // as the log does: user_agent
    http::FieldId id = http::FieldId::other;
  };
  bool probes = true;  // requests for the health page
  bool query = false;
  std::vector<Field> fields;
};

// What is told of requests whose traces are recorded.
struct SpanSettings {
  bool told = false;   // there is a collector
  bool query = false;  // with the queries of their URLs
};

struct Settings {
  Identity identity;
  PrefixSet trusted_proxies;
  PrefixSet explain_to;  // whose X-Meridian-Explain is answered
  http::HeadLimits head_limits;
  http::HeadLimits answer_limits;                  // of servers' answers: over it 502
  std::uint64_t max_body = 1024ULL * 1024 * 1024;  // octets of a request's body: over it 413
  std::uint32_t max_per_client = 0;                // connections of one client; 0: no limit of its own
  std::uint64_t min_rate = 240;                    // octets a second; who moves less goes first when there is no room
  ClientTimeouts timeouts;
  HalfClose half_close = HalfClose::abort;
  Http2Settings http2;
  shared::milliseconds drain_grace{30000};                     // for what is in progress when the process stops
  bool merge_slashes = false;                                  // empty segments are not forwarded
  bool via_requests = true;                                    // Via (RFC 9110 7.6.3) towards servers ...
  bool via_responses = false;                                  // ... and towards clients
  std::string client_subject_field = "X-Client-Cert-Subject";  // towards servers; clients cannot send it
  std::optional<double> trace_share;  // of the traces that begin here, for whom a recorder is told; none: no traces
  SpanSettings spans;
  AccessLogSettings access_log;
  ErrorPages error_pages;      // likewise, and of all routes
  HeaderRules response_rules;  // for responses that no route stands behind: 400, 404 ...
};

struct Snapshot {
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const Pools> pools;
  std::shared_ptr<const Addresses> addresses;
  std::shared_ptr<const Tiers> tiers;
  std::shared_ptr<const PoolListeners> listeners;  // null: none
  std::shared_ptr<const RateLimits> limits;        // all that routes use; null: none
  std::shared_ptr<const AccessLists> access;       // likewise
  std::shared_ptr<const AuthPolicies> auth;        // likewise
  std::uint64_t generation = 0;                    // counts publications; for /status and tests
};

}  // namespace edge
