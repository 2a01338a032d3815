#pragma once
// Listener: one worker's own SO_REUSEPORT socket of one listen address. Accepts in small rounds, so that connections in
// progress get their turn; out of descriptors it pauses rather than spins. Owned by a Worker; its thread only.

#include <cstdint>
#include <functional>

#include "shared/core/ip.h"
#include "shared/serve/loop/worker_loop.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

class Listener {
 public:
  using OnAccept = std::function<void(UniqueFd fd, const Endpoint& peer)>;
  using OnFull = std::function<void()>;  // the process is out of descriptors: make room

  Listener(WorkerLoop& loop, UniqueFd fd, OnAccept on_accept, OnFull on_full);
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Stops accepting; what the kernel has queued is accepted first, so that a drain loses nobody.
  void drain_and_close();

 private:
  static constexpr int kRound = 32;
  static constexpr Duration kPause = milliseconds(100);

  enum class Accepted : std::uint8_t { one, none, full };

  void close();
  void accept_round(int limit);
  Accepted accept_one();
  void resume();

  WorkerLoop& loop_;
  UniqueFd fd_;
  OnAccept on_accept_;
  OnFull on_full_;
  Watch watch_;
  Deadline pause_;
};

}  // namespace shared
