#pragma once
// Upgrade: one server takes over from another without losing a packet. The running one listens on a Unix socket in its
// state directory; the successor, a process of its own, asks there:
//
//   successor                                      UpgradePort of the running server
//   configuration read and checked
//   connect, "meridian 1"               ------->   saves its state
//                                       <-------   its lock, its sockets (SCM_RIGHTS), its state, "end"
//   workers read the same sockets
//   "ready"                             ------->   stops reading, drains, ends
//
// Both hold the same open sockets and not two groups of them: closing one of two SO_REUSEPORT sockets would lose what
// is queued on it. Until "ready" nothing changes for the running server: a successor that fails, says why or dies, is a
// line in its log. Only root and its own user may ask.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "shared/core/result.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/process/state.h"

namespace shared {

// The running server's side. Owned by the server, control loop.
class UpgradePort {
 public:
  struct Offer {
    std::vector<int> sockets;  // that are read or listened on
    std::string state;         // what the successor must know and no file says
  };
  struct Hooks {
    std::function<std::optional<Offer>()> offer;  // nothing: this server is ending
    std::function<void()> taken_over;             // the successor serves
  };

  [[nodiscard]] static Result<std::unique_ptr<UpgradePort>> open(Loop& loop, const StateDirectory& state, Hooks hooks);
  UpgradePort(const UpgradePort&) = delete;
  UpgradePort& operator=(const UpgradePort&) = delete;

  // A successor has our state and is not ready yet: what is changed now would be lost.
  [[nodiscard]] bool busy() const { return offered_ && !taken_over_; }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<LoopExecutor>;

  UpgradePort(Loop& loop, const StateDirectory& state, Hooks hooks, int listener);
  void wait_for_successor();
  void accept();
  void wait_for_message();
  void on_message();
  void make_offer();
  void failed(std::string_view reason);

  const StateDirectory& state_;
  Hooks hooks_;
  Descriptor listener_;
  Descriptor successor_;
  bool offered_ = false;
  bool taken_over_ = false;
};

// The successor's side. Main thread until it serves, then control loop.
class Predecessor {
 public:
  // Nothing: no server runs on this state directory. Waits for the answer.
  [[nodiscard]] static Result<std::optional<Predecessor>> ask(const std::string& state_directory);

  [[nodiscard]] std::vector<UniqueFd> take_sockets() { return std::move(sockets_); }
  [[nodiscard]] UniqueFd take_lock() { return std::move(lock_); }
  [[nodiscard]] const std::string& state() const { return state_; }

  void ready();  // we serve
  void failed(std::string_view reason);
  // Once it has ended. REQUIRES: ready()
  void on_end(Loop& loop, std::function<void()> call);

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<LoopExecutor>;

  [[nodiscard]] Result<void> receive();

  UniqueFd connection_;
  std::vector<UniqueFd> sockets_;
  UniqueFd lock_;
  std::string state_;
  std::unique_ptr<Descriptor> waiting_;
};

}  // namespace shared
