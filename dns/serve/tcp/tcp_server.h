#pragma once
// TcpServer: one worker's DNS over TCP (RFC 7766, RFC 9210): its listening sockets and their sessions. Sessions stand
// in a list by their last whole query, the longest idle first; one timer closes those past the idle timeout. Nobody is
// refused: at a cap, of all or of one client, the longest idle session of all or of that client makes room; when half
// queries and answers that nobody reads take too much memory, the session goes that has held some for longest. Owned by
// the worker, on its thread only.

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "dns/serve/responder/responder.h"
#include "shared/core/time.h"
#include "shared/serve/loop/listener.h"
#include "shared/serve/loop/timer_wheel.h"
#include "shared/serve/loop/worker_loop.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/tls/tls_session.h"

namespace dns {

// Control divides among the workers what is configured: the defaults are those of TcpConfig.
struct TcpSettings {
  shared::Duration idle_timeout{};
  std::uint32_t max_connections = 1;  // of one worker; at least 1
  std::uint32_t max_per_client = 1;   // of these, from one IPv4 address or IPv6 /56; at least 1
  std::size_t max_held = 16 << 20;    // octets that all sessions of one worker hold
};

// How many connections a process may hold that may open so many descriptors: what it needs for other things first, and
// always some for who comes and for who repairs.
struct OwnDescriptors {
  std::size_t sockets = 0;  // that listen
  std::size_t workers = 0;
  std::size_t probed = 0;  // edges
};
[[nodiscard]] std::uint32_t most_connections(std::uint64_t descriptors, const OwnDescriptors& own);

class TcpSession;

class TcpServer {
 public:
  TcpServer(shared::WorkerLoop& loop, Responder& responder);
  ~TcpServer();  // closes everything; the loop must not run any more
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  void set(const TcpSettings& settings);
  // What stands under a connection of TLS listeners (RFC 7858); its own end of it. Any thread.
  using MakeTls = std::function<std::unique_ptr<shared::TlsSession>()>;
  // `tls` may be empty: plain. It may give null: nobody can be served now.
  void add_listener(shared::UniqueFd listening, MakeTls tls = {});

  // Takes in who is connected already and accepts no more; `done` is called when the last session is gone. The
  // listening sockets may live on in another process.
  void drain(std::function<void()> done);
  // Answers what has arrived and closes each session that waits for nothing.
  void hasten();

 private:
  friend class TcpSession;
  using Sessions = std::list<std::shared_ptr<TcpSession>>;
  using Line = std::list<TcpSession*>;

  // Where a session stands.
  struct Places {
    Sessions::iterator all;
    std::map<shared::IpAddress, Line>::iterator client;
    Line::iterator in_client;
    Line::iterator in_holders;  // REQUIRES: held > 0
    std::size_t held = 0;       // octets
  };

  void out_of_descriptors();
  void start_session(shared::UniqueFd connected, const shared::Endpoint& client,
                     std::unique_ptr<shared::TlsSession> tls);
  void make_room();
  void make_room_of(const shared::IpAddress& client);
  void close(TcpSession& session, shared::Counter& reason);
  void take_out(Places& places);
  void close_idle_later();
  void close_idle();

  // For sessions. holds() may close any of them, the caller too.
  void touched(Places& places);
  void holds(TcpSession& session, std::size_t octets);
  void ended(Places& places);
  void check_drained();

  shared::WorkerLoop& loop_;
  Responder& responder_;
  TcpSettings settings_;
  std::vector<std::unique_ptr<shared::Listener>> listeners_;
  Sessions sessions_;                          // the longest idle first
  std::map<shared::IpAddress, Line> clients_;  // likewise, of each
  Line holders_;                               // of octets, the longest first
  std::size_t held_ = 0;                       // octets of all
  shared::Deadline first_idle_;                // when the first may have been idle for too long
  bool first_idle_set_ = false;
  std::function<void()> drained_;  // set while draining

  // Of the session whose turn it is.
  std::vector<std::uint8_t> input_;
  std::vector<std::uint8_t> answers_;
};

}  // namespace dns
