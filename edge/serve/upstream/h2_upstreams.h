#pragma once
// H2Upstreams: one worker's connections to servers that speak HTTP/2, per server, each with many requests at a time. A
// new one is made when those that are there are full, or are not believed any more. Owned by a WorkerContext; its
// thread.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "edge/core/pool/balance.h"
#include "edge/serve/upstream/h2_upstream.h"

namespace edge {

class H2Upstreams {
 public:
  H2Upstreams(shared::WorkerLoop& loop, Upstreams& upstreams, Counters& counters, BalanceState& balance)
      : loop_(loop), upstreams_(upstreams), counters_(counters), balance_(balance) {}
  ~H2Upstreams() = default;
  H2Upstreams(const H2Upstreams&) = delete;
  H2Upstreams& operator=(const H2Upstreams&) = delete;

  struct Wish {
    const Pool& pool;
    UpstreamWay way;
    const http::HeadLimits& limits;
    shared::milliseconds patience;
    bool fresh = false;  // not on a connection that has stood
  };
  // Whose events wake `waiter`.
  [[nodiscard]] std::unique_ptr<H2UpstreamStream> open(const Wish& wish, Waiter& waiter);
  // All of them. REQUIRES: no request is on one.
  void close();

  // The connections'.
  [[nodiscard]] shared::WorkerLoop& loop() { return loop_; }
  [[nodiscard]] Upstreams& upstreams() { return upstreams_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] BalanceState& balance() { return balance_; }
  // Memory to receive into: whoever receives takes everything out at once.
  [[nodiscard]] std::span<char> scratch();
  // How many streams a server takes on a connection, as it has said on the last one: what is made for many that wait is
  // made as wide as that.
  void learn(ServerId server, std::uint32_t streams) { of(server).streams = std::max<std::uint32_t>(streams, 1); }
  [[nodiscard]] std::uint32_t known_streams(ServerId server) { return of(server).streams; }
  // It is over: destroyed at the end of the turn.
  void remove(H2Upstream& connection, ServerId server);

 private:
  using Connections = std::vector<std::unique_ptr<H2Upstream>>;
  struct PerServer {
    Connections connections;
    std::uint32_t streams = std::numeric_limits<std::uint32_t>::max();
  };

  static constexpr std::size_t kScratch = 64 * 1024;

  PerServer& of(ServerId server);

  shared::WorkerLoop& loop_;
  Upstreams& upstreams_;
  Counters& counters_;
  BalanceState& balance_;
  Octets scratch_;
  std::vector<PerServer> servers_;  // by ServerId
  Connections gone_;
};

}  // namespace edge
