#pragma once
// Listener: one worker's own SO_REUSEPORT socket of one listen address. Accepts in small rounds, so that connections in
// progress get their turn; out of descriptors it pauses rather than spins. Owned by a Worker; its thread only (open_* may
// run before the thread starts).

#include <cstdint>
#include <functional>

#include "edge/serve/loop.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"

namespace edge {

// A bound, listening, non-blocking descriptor. Several may share the address under SO_REUSEPORT.
[[nodiscard]] shared::Result<int> open_listener(const shared::Endpoint& at);
// The address that a descriptor is bound to: the port that the kernel chose for port 0.
[[nodiscard]] shared::Endpoint local_endpoint(int fd);
// An error when a listener of anyone's is there already: SO_REUSEPORT would share the port with it in silence.
[[nodiscard]] shared::Result<void> check_unused(const shared::Endpoint& at);

class Listener {
 public:
  // Owns the accepted descriptor. `full`: the process is out of descriptors, make room.
  using OnAccept = std::function<void(int fd, const shared::Endpoint& peer)>;
  using OnFull = std::function<void()>;

  Listener(Loop& loop, int fd, OnAccept on_accept, OnFull on_full);
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Stops accepting; what the kernel has queued is accepted first, so that a drain loses nobody.
  void drain_and_close();

 private:
  static constexpr int kRound = 32;
  static constexpr shared::Duration kPause = shared::milliseconds(100);

  enum class Accepted : std::uint8_t { one, none, full };

  void close();
  void accept_round(int limit);
  Accepted accept_one();
  void resume();

  Loop& loop_;
  int fd_;
  OnAccept on_accept_;
  OnFull on_full_;
  Watch watch_;
  Timer pause_;
};

}  // namespace edge
