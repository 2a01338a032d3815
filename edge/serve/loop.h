#pragma once
// Loop: one thread's turns: wait for events (edge-triggered epoll, every descriptor registered once), fire timers, run
// what other threads posted. The clock is read once per turn. Why not Asio's reactor: it pays one extra system call for
// every wait on a socket, see docs/decisions/003-edge-event-loop.md. Owned by a Worker; all but post() its thread only.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include <sys/epoll.h>

#include "edge/serve/timers.h"
#include "shared/core/time.h"

namespace edge {

// Who hears of a descriptor's events. Stays at one address while it is watched.
struct Watch {
  using Handler = void (*)(void* owner, std::uint32_t events);
  Handler handler;
  void* owner;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Turns until stop().
  void run();
  void stop() { running_ = false; }
  // Runs `work` on the loop's thread in a later turn. Any thread.
  void post(std::function<void()> work);
  // Runs `work` at the end of the present turn, when no event of it can touch what is destroyed.
  void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }

  [[nodiscard]] shared::TimePoint now() const { return now_; }
  TimerWheel& timers() { return timers_; }

  // False when the kernel refuses (out of memory, too many watches).
  [[nodiscard]] bool watch(int fd, std::uint32_t events, Watch& watch);
  // Before close(fd), which ends the watching: events of this turn that are not delivered yet are dropped.
  void forget(const Watch& watch);
  // For a descriptor that stays open.
  void unwatch(const Watch& watch, int fd);

 private:
  static constexpr int kBatch = 256;

  void turn();
  void run_posted();
  [[nodiscard]] int wait_time() const;

  int epoll_;
  int wakeup_;
  Watch wakeup_watch_;
  bool running_ = true;
  shared::TimePoint now_;
  TimerWheel timers_;
  std::array<epoll_event, kBatch> events_{};
  int pending_begin_ = 0;  // events_[begin, end) of this turn are not delivered yet
  int pending_end_ = 0;
  std::vector<std::function<void()>> deferred_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> woken_{false};
};

}  // namespace edge
