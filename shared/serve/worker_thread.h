#pragma once
// WorkerThread: one named thread, optionally pinned to one core, that runs its own Loop. What lives on the loop is made
// before start() or inside post(), and is destroyed after join(). Owned by the Supervisor's side (main thread); loop()
// is the worker's own, from elsewhere only post() is allowed.

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "shared/core/counter.h"
#include "shared/serve/loop.h"

namespace shared {

struct WorkerSettings {
  std::string name;              // at most 15 bytes: what top and ps show
  std::optional<unsigned> core;  // pin to this one; a core that we may not use is logged and the thread left free
};

class WorkerThread {
 public:
  explicit WorkerThread(WorkerSettings settings);
  ~WorkerThread();  // stops and joins
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] const std::string& name() const { return settings_.name; }

  void start();
  void stop();  // the loop ends after the handler that it is in; any thread
  void join();

  // Runs `call` on the worker, in the order of posting; any thread. Destroyed there too: move a snapshot that it
  // replaces out to Builder::retire.
  template <class Call>
  void post(Call&& call) {
    asio::post(loop_, std::forward<Call>(call));
  }

  // Beats of the worker's own loop, ten a second; a number that stands still is a worker that hangs. Any thread.
  [[nodiscard]] std::uint64_t heartbeats() const { return heartbeats_.read(); }

 private:
  void run();
  void beat();

  WorkerSettings settings_;
  Loop loop_{kOneThread};
  asio::executor_work_guard<LoopExecutor> work_;
  Timer beat_timer_;
  Counter heartbeats_;
  std::thread thread_;
};

// The cores that this process may use, for one worker each.
[[nodiscard]] std::vector<unsigned> usable_cores();

}  // namespace shared
