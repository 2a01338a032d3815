#pragma once
// WorkerThread: one named thread, optionally pinned to one core, that runs its own WorkerLoop. What lives on the loop
// is made before start() or inside post(), and is destroyed in `at_end` or after join(). Owned by a Worker; loop() is
// the thread's own, from elsewhere only post() is allowed.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "shared/core/counter.h"
#include "shared/serve/loop/timer_wheel.h"
#include "shared/serve/loop/worker_loop.h"

namespace shared {

struct WorkerThreadSettings {
  std::string name;                // at most 15 bytes: what top and ps show
  std::optional<unsigned> core;    // pin to this one; a core that we may not use is logged and the thread left free
  std::function<void()> at_end{};  // the last thing that the thread does
};

class WorkerThread {
 public:
  explicit WorkerThread(WorkerThreadSettings settings);
  ~WorkerThread();  // stop()
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  [[nodiscard]] WorkerLoop& loop() { return loop_; }
  [[nodiscard]] const std::string& name() const { return settings_.name; }

  void start();
  // Lets the loop end after the turn that it is in, and joins. Any thread but its own; afterwards nothing.
  void stop();

  // Runs `call` on the thread, in the order of posting; any thread. What it holds dies there too: move a snapshot that
  // it replaces out to Builder::dispose.
  void post(std::function<void()> call) { loop_.post(std::move(call)); }

  // Beats of the worker's own loop, ten a second; a number that stands still is a worker that hangs. Any thread.
  [[nodiscard]] std::uint64_t heartbeats() const { return heartbeats_.read(); }

 private:
  void run();
  void beat();

  WorkerThreadSettings settings_;
  WorkerLoop loop_;
  Deadline next_beat_;
  Counter heartbeats_;
  std::thread thread_;
};

// The cores that this process may use, for one worker each.
[[nodiscard]] std::vector<unsigned> usable_cores();

}  // namespace shared
