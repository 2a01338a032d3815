#pragma once
// Upstreams: one worker's connections to servers. Idle ones are kept per server, used last-in-first-out and dropped as
// soon as they are not silent: a server that speaks without being asked, or closes, is of no use. Owned by a Worker;
// its thread only.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/message/errors.h"
#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/io/stream.h"
#include "edge/serve/upstream/tls_clients.h"
#include "shared/core/ip.h"
#include "shared/serve/loop/timer_wheel.h"

namespace edge {

class Upstreams;

// What a connection that was kept must be, besides at the right address, to be of use.
struct UpstreamTerms {
  std::string_view about{};                // told of its client by a PROXY header; empty: nothing
  const shared::ClientTls* tls = nullptr;  // null: plain
  std::string_view name{};                 // that was asked for in TLS
};

class UpstreamConnection {
 public:
  UpstreamConnection(shared::WorkerLoop& loop, shared::UniqueFd fd, std::unique_ptr<StreamLayer> layer, ServerId server,
                     const shared::Endpoint& endpoint)
      : stream_(loop, fd.release(), Stream::Begin::connecting, std::move(layer)),
        server_(server),
        endpoint_(endpoint) {}

  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] const Stream& stream() const { return stream_; }
  [[nodiscard]] ServerId server() const { return server_; }
  [[nodiscard]] const shared::Endpoint& endpoint() const { return endpoint_; }
  // What it has been told of its client by a PROXY header; it is of use for nobody else.
  void told(std::string about) { about_ = std::move(about); }
  // TLS on it, for which name.
  void speaks(std::shared_ptr<const shared::ClientTls> tls, std::string_view name) {
    tls_ = std::move(tls);
    name_ = name;
  }
  // Once it stands: the protocol that was agreed on (ALPN); empty: none.
  [[nodiscard]] std::string_view alpn() const {
    return stream_.tls() != nullptr ? stream_.tls()->facts().alpn : std::string_view();
  }

 private:
  friend class Upstreams;
  Stream stream_;
  ServerId server_;
  shared::Endpoint endpoint_;
  shared::TimePoint idle_until_{};
  std::string about_;
  std::shared_ptr<const shared::ClientTls> tls_;
  std::string name_;
  Upstreams* owner_ = nullptr;  // while idle
};

class Upstreams {
 public:
  Upstreams(shared::WorkerLoop& loop, Counters& counters);
  ~Upstreams();
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;

  // An idle connection to this address that is not known to be dead and fits, or null.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take_idle(ServerId server, const shared::Endpoint& endpoint,
                                                              const UpstreamTerms& terms = {});
  // A connect that has begun, see Stream::progress(); errno when it could not even begin.
  struct Connecting {
    std::unique_ptr<UpstreamConnection> connection;
    int error = 0;
  };
  [[nodiscard]] Connecting connect(ServerId server, const shared::Endpoint& endpoint,
                                   std::unique_ptr<StreamLayer> layer = nullptr);
  // Of a server's several addresses this one could not be connected to: others go first for a while.
  void shun(const shared::Endpoint& endpoint);
  [[nodiscard]] bool shunned(const shared::Endpoint& endpoint) const;
  // After a whole response. REQUIRES: nothing is left to be read that we know of.
  void give_back(std::unique_ptr<UpstreamConnection> connection, const IdleSettings& settings);
  [[nodiscard]] TlsClients& tls_clients() { return tls_clients_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  // Makes room when the process is near its limit of descriptors.
  void close_idle();

 private:
  static constexpr shared::Duration kSweep = shared::seconds(1);
  static constexpr shared::Duration kShunFor = shared::seconds(5);
  static constexpr std::size_t kMostShunned = 64;
  struct Shunned {
    shared::Endpoint endpoint;
    shared::TimePoint until;
  };
  using IdleList = std::deque<std::unique_ptr<UpstreamConnection>>;  // the oldest in front

  IdleList& list_of(ServerId server);
  static void on_idle_event(void* connection, std::uint32_t events);
  void drop(UpstreamConnection& connection);
  void sweep();

  shared::WorkerLoop& loop_;
  Counters& counters_;
  TlsClients tls_clients_;
  shared::Deadline sweeper_;
  std::vector<IdleList> idle_;  // by ServerId
  std::size_t idle_count_ = 0;
  std::vector<Shunned> shunned_;  // the oldest in front; nearly always empty
};

}  // namespace edge
