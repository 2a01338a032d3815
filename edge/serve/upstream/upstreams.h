#pragma once
// Upstreams: one worker's connections to servers. Idle ones are kept per server, used last-in-first-out and dropped as
// soon as they become readable: a server that speaks without being asked, or closes, is of no use. Owned by a Worker;
// its thread only.

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "edge/core/message/errors.h"
#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/io/socket.h"
#include "shared/core/ip.h"
#include "shared/serve/loop/timer_wheel.h"

namespace edge {

class Upstreams;

class UpstreamConnection {
 public:
  UpstreamConnection(shared::WorkerLoop& loop, shared::UniqueFd fd, ServerId server, const shared::Endpoint& endpoint)
      : socket_(loop, fd.release()), server_(server), endpoint_(endpoint) {}

  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] ServerId server() const { return server_; }
  [[nodiscard]] const shared::Endpoint& endpoint() const { return endpoint_; }
  // It has carried a request before: a reset may only mean that its idle time was over.
  [[nodiscard]] bool reused() const { return reused_; }

 private:
  friend class Upstreams;
  Socket socket_;
  ServerId server_;
  shared::Endpoint endpoint_;
  bool reused_ = false;
  shared::TimePoint idle_until_{};
  Upstreams* owner_ = nullptr;  // while idle
};

class Upstreams {
 public:
  Upstreams(shared::WorkerLoop& loop, Counters& counters);
  ~Upstreams();
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;

  // An idle connection to this address that is not known to be dead, or null.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take_idle(ServerId server, const shared::Endpoint& endpoint);
  // A connect that has begun: finished once the socket is writable; errno when it could not even begin.
  struct Connecting {
    std::unique_ptr<UpstreamConnection> connection;
    int error = 0;
  };
  [[nodiscard]] Connecting connect(ServerId server, const shared::Endpoint& endpoint);
  // Of a server's several addresses this one could not be connected to: others go first for a while.
  void shun(const shared::Endpoint& endpoint);
  [[nodiscard]] bool shunned(const shared::Endpoint& endpoint) const;
  // After a whole response. REQUIRES: nothing is left to be read that we know of.
  void give_back(std::unique_ptr<UpstreamConnection> connection, const KeepAlive& settings);
  // Makes room when the process is near its limit of descriptors.
  void close_idle();
  [[nodiscard]] std::size_t idle_count() const { return idle_count_; }

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
  shared::Deadline sweeper_;
  std::vector<IdleList> idle_;  // by ServerId
  std::size_t idle_count_ = 0;
  std::vector<Shunned> shunned_;  // the oldest in front; nearly always empty
};

}  // namespace edge
