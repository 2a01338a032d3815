#pragma once
// TcpServer: one worker's DNS over TCP (RFC 7766, RFC 9210): its listening sockets and their sessions. Sessions stand
// in a list by their last whole query, the longest idle first; one timer closes those past the idle timeout, and at the
// cap the first of the list makes room for a new one. Owned by the worker, on its thread only.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "dns/serve/responder.h"
#include "shared/core/time.h"
#include "shared/serve/loop.h"
#include "shared/serve/unique_fd.h"

namespace dns {

struct TcpSettings {
  shared::Duration idle_timeout = shared::seconds(10);
  std::uint32_t max_connections = 1000;  // of one worker; at least 1
};

class TcpSession;

class TcpServer {
 public:
  TcpServer(shared::Loop& loop, Responder& responder);
  ~TcpServer();  // closes everything; the loop must not run any more
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  void set(const TcpSettings& settings);
  void add_listener(shared::UniqueFd listening);

  // Takes in who is connected already, accepts no more, answers what has arrived and closes each session that waits for
  // nothing; `done` is called when the last one is gone.
  void drain(std::function<void()> done);
  void close_all();

 private:
  friend class TcpSession;
  using Sessions = std::list<std::shared_ptr<TcpSession>>;

  void accept_when_ready(shared::TcpAcceptor& acceptor);
  enum class Backlog : std::uint8_t { empty, more, failing };
  [[nodiscard]] Backlog accept_waiting(shared::TcpAcceptor& acceptor);
  void pause_accepting(shared::TcpAcceptor& acceptor);
  void start_session(shared::UniqueFd connected, const shared::Endpoint& client);
  void make_room();
  [[nodiscard]] std::shared_ptr<TcpSession> take_longest_idle();
  void close_idle_later();
  void close_idle();

  // For sessions.
  void touched(Sessions::iterator place) { sessions_.splice(sessions_.end(), sessions_, place); }
  void ended(Sessions::iterator place);
  void check_drained();

  shared::Loop& loop_;
  Responder& responder_;
  TcpSettings settings_;
  std::list<shared::TcpAcceptor> acceptors_;
  Sessions sessions_;  // the longest idle first
  shared::Timer idle_timer_;
  shared::Timer accept_pause_;
  bool idle_timer_runs_ = false;
  std::function<void()> drained_;  // set while draining

  // Of the session whose turn it is.
  std::vector<std::uint8_t> input_;
  std::vector<std::uint8_t> answers_;
};

}  // namespace dns
