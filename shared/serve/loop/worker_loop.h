#pragma once
// WorkerLoop: the turns of a worker's thread: wait for events (epoll), deliver them, fire deadlines, run what other
// threads posted. A descriptor is registered once, not for each wait, and the clock is read once a turn. Why not Asio,
// as on the control threads (loop.h): its reactor pays one more system call for every wait, see
// docs/decisions/003-own-loop-for-workers.md. Owned by a WorkerThread; all but post() its thread only.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include <sys/epoll.h>

#include "shared/core/time.h"
#include "shared/serve/loop/timer_wheel.h"

namespace shared {

// Who hears of a descriptor's events. Stays at one address while it is watched.
struct Watch {
  using Handler = void (*)(void* owner, std::uint32_t events);
  Handler handler;
  void* owner;
};

// Who has more to do, but lets others go first. Its owner keeps it at one address while it waits, and may destroy it
// then: it is not called any more.
class Soon {
 public:
  using Handler = void (*)(void* owner);

  Soon(Handler handler, void* owner) : handler_(handler), owner_(owner) {}
  ~Soon() { leave(); }
  Soon(const Soon&) = delete;
  Soon& operator=(const Soon&) = delete;

 private:
  friend class WorkerLoop;
  void leave();

  Handler handler_;
  void* owner_;
  Soon* before_ = nullptr;  // in a ring with the loop's own; null: it does not wait
  Soon* after_ = nullptr;
};

class WorkerLoop {
 public:
  WorkerLoop();
  ~WorkerLoop();
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  // Turns until stop().
  void run();
  void stop() { running_ = false; }
  // One turn that does not wait.
  void poll() { turn(0); }
  // Runs `work` on the loop's thread in a later turn. Any thread.
  void post(std::function<void()> work);
  // Calls it once, behind the events of the present turn and before what is deferred; asked for there, in the next one.
  void soon(Soon& soon);
  // Runs `work` at the end of the present turn, when no event of it can touch what is destroyed.
  void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }

  // What is done at the end of every turn, which are kPulse apart at most as long as there is something: for who waits
  // for what no event of this loop tells. At most one; null: nothing.
  struct Pulse {
    using Beat = void (*)(void* owner);
    Beat beat = nullptr;
    void* owner = nullptr;
  };
  static constexpr milliseconds kPulse{1};
  void pulse(const Pulse& pulse) { pulse_ = pulse; }

  [[nodiscard]] TimePoint now() const { return now_; }
  TimerWheel& timers() { return timers_; }

  // `events` as of epoll_ctl(2), EPOLLET where the watcher takes all there is. False when the kernel refuses (out of
  // memory, too many watches).
  [[nodiscard]] bool watch(int fd, std::uint32_t events, Watch& watch);
  // For other events from now on. REQUIRES: watched.
  void rewatch(int fd, std::uint32_t events, Watch& watch);
  // Before close(fd), which ends the watching: events of this turn that are not delivered yet are dropped. Not enough
  // for a descriptor that another process has, too: it lives on.
  void forget(const Watch& watch);
  // For a descriptor that stays open, here or elsewhere.
  void unwatch(const Watch& watch, int fd);

 private:
  static constexpr int kBatch = 256;

  void turn(int patience_ms);
  void run_posted();
  void run_soon();
  void run_deferred();
  [[nodiscard]] int wait_time() const;

  int epoll_;
  int wakeup_;
  Watch wakeup_watch_;
  bool running_ = true;
  TimePoint now_;
  TimerWheel timers_;
  std::array<epoll_event, kBatch> events_{};
  int pending_begin_ = 0;  // events_[begin, end) of this turn are not delivered yet
  int pending_end_ = 0;
  Soon soon_{nullptr, nullptr};  // the ring's beginning
  std::vector<std::function<void()>> deferred_;
  Pulse pulse_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> woken_{false};
};

}  // namespace shared
