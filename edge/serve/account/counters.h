#pragma once
// Counters: what one worker counts. The worker writes, Control reads and sums for /metrics and /status at any time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/core/cache/cache_status.h"
#include "edge/core/content/accept_encoding.h"
#include "edge/core/message/errors.h"
#include "shared/core/counter.h"
#include "shared/core/histogram.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

// How a tunnel (101: WebSocket or the like) came to its end: who closed it first, or why it was closed here.
enum class TunnelEnd : std::uint8_t { client, server, idle, drain, broken };
inline constexpr std::size_t kTunnelEnds = static_cast<std::size_t>(TunnelEnd::broken) + 1;
[[nodiscard]] constexpr std::string_view name_of(TunnelEnd end) {
  constexpr std::array<std::string_view, kTunnelEnds> kNames{"client", "server", "idle", "drain", "broken"};
  return kNames[static_cast<std::size_t>(end)];
}

inline constexpr std::size_t kErrorKinds = static_cast<std::size_t>(ErrorKind::internal) + 1;

enum class Transport : std::uint8_t { tcp, udp };
inline constexpr std::size_t kTransports = 2;

// Connections and sessions that are passed on to a pool unread.
struct SessionCounters {
  shared::Counter begun;
  shared::Counter open;       // gauge
  shared::Counter octets_in;  // from clients, of those that are over
  shared::Counter octets_out;
  shared::Histogram duration;  // microseconds
};

struct Counters {
  // TLS handshakes with clients: [1.2, 1.3][full, resumed]; those that failed by their kind.
  std::array<std::array<shared::Counter, 2>, 2> handshakes;
  std::array<shared::Counter, shared::kTlsFailures> handshakes_failed;
  void count_handshake(const shared::TlsFacts& tls) {
    handshakes[tls.version == "TLSv1.3" ? 1 : 0][tls.resumed ? 1 : 0].add();
  }

  // The same with servers.
  std::array<std::array<shared::Counter, 2>, 2> upstream_handshakes;
  std::array<shared::Counter, shared::kTlsFailures> upstream_handshakes_failed;
  void count_upstream_handshake(const shared::TlsFacts& tls) {
    upstream_handshakes[tls.version == "TLSv1.3" ? 1 : 0][tls.resumed ? 1 : 0].add();
  }

  shared::Counter connections;          // accepted
  shared::Counter connections_open;     // gauge
  shared::Counter connections_refused;  // closed at once: over the cap, and nobody else could go
  shared::Counter evicted_head;         // closed for others: its head had not come
  shared::Counter evicted_slow;         // likewise: its body came, or its answer was taken, too slowly
  shared::Counter evicted_idle;         // likewise: between two requests
  shared::Counter proxy_client;         // PROXY headers that told of a client
  shared::Counter proxy_local;          // likewise of nobody: LOCAL, UNKNOWN
  shared::Counter proxy_bad;            // closed: the header broke its protocol
  shared::Counter proxy_late;           // closed: it did not come in time
  shared::Counter proxy_unsaid;         // the sender closed without a word
  shared::Counter proxy_unlisted;       // closed: from where no header is taken
  shared::Counter memory_used;          // gauge: octets of connections and requests, as of the last second
  shared::Counter memory_mapped;        // gauge: octets that are held for them
  shared::Counter memory_refused;       // requests answered 503 for want of memory
  shared::Counter h2_connections;       // of HTTP/2
  shared::Counter h2_connections_open;  // gauge
  shared::Counter h2_streams;           // begun
  shared::Counter h2_streams_open;      // gauge: until the request's work is over
  shared::Counter h2_refused_streams;   // over the limit, or no room for their heads
  shared::Counter h2_resets_received;   // RST_STREAM
  shared::Counter h2_resets_sent;
  shared::Counter h2_goaways_graceful;
  shared::Counter h2_goaways_calm;           // ENHANCE_YOUR_CALM
  shared::Counter h2_goaways_error;          // the client broke the protocol
  shared::Counter h2_abusers;                // closed at the hard limit of the abuse score
  shared::Counter requests;                  // heads read to the end
  shared::Counter in_flight;                 // gauge
  std::array<shared::Counter, 6> responses;  // by status class; 0: none was sent
  std::array<shared::Counter, kErrorKinds> errors;
  shared::Counter maintenance_shadowed;  // requests that would have been refused, were it enforced
  shared::Counter tunnels;               // begun with a 101
  shared::Counter tunnels_open;          // gauge
  shared::Counter tunnel_octets_in;      // from clients, as they move
  shared::Counter tunnel_octets_out;     // to clients
  std::array<shared::Counter, kTunnelEnds> tunnel_ends;
  shared::Counter files;                          // answers that are files, or parts of some
  shared::Counter files_cold;                     // that had to wait for a disk
  shared::Counter files_cut;                      // cut: the file changed while it was sent
  std::array<shared::Counter, kCodings> encoded;  // answers compressed here, by Coding
  shared::Counter encoding_open;                  // gauge: of those whose end has not come
  shared::Counter encoding_refused;               // sent as they were: too many at once
  shared::Counter encoding_in;                    // octets
  shared::Counter encoding_out;
  shared::Counter early_hints;                        // 103s of our own
  std::array<shared::Counter, kCacheVerdicts> cache;  // requests by what the cache has done for them
  shared::Counter retries;
  shared::Counter upstream_connects;
  shared::Counter upstream_reuses;
  shared::Counter h2_upstreams;             // connections of HTTP/2 to servers
  shared::Counter h2_upstreams_open;        // gauge
  shared::Counter h2_upstream_streams;      // begun on them
  shared::Counter h2_upstream_unprocessed;  // of them: REFUSED_STREAM, or behind the last one of a GOAWAY
  shared::Counter h2_upstream_goaways;      // received
  shared::Counter octets_in;                // of request bodies, decoded
  shared::Counter octets_out;               // to clients, with heads and framing
  shared::Histogram duration;               // microseconds from the head's first byte to the end of the response
  std::array<SessionCounters, kTransports> sessions;  // by Transport
  shared::Counter datagrams_dropped;                  // no session for them, or no room in the kernel
};

}  // namespace edge
