#pragma once
// Supervisor: the main thread. Runs the control loop, turns signals into calls, tells systemd, and ends in order.
//
//   SIGHUP           on_reload
//   SIGUSR1          on_reopen: log files, after a rotation
//   SIGTERM, SIGINT  on_stop: drain, then call finish(); the same signal again, or the grace time, ends at once
//   (handed over)    as a stop, by handed_over(): another process serves already, so one signal ends at once
//   SIGPIPE          ignored, and SIGXFSZ: a limit on file sizes is an error of the write
//
// What follows run() may wait for threads that the kernel holds, in a mount that hangs: the process ends all the same,
// `last_wait` later. Made first in main, before any thread, and destroyed last. Everything on the control loop's thread
// but post().

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/notify.h"

namespace shared {

struct SupervisorSettings {
  Duration stop_grace = seconds(30);
  Duration last_wait = seconds(10);  // from the end of run() to the end of the process, however it hangs
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorSettings settings = {});
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  [[nodiscard]] Loop& loop() { return loop_; }

  void on_reload(std::function<void()> call) { on_reload_ = std::move(call); }
  void on_reopen(std::function<void()> call) { on_reopen_ = std::move(call); }
  void on_stop(std::function<void()> call) { on_stop_ = std::move(call); }
  // How long a stop may take; on_stop may still say it.
  void set_stop_grace(Duration grace) { settings_.stop_grace = grace; }

  // Runs the control loop until finish(); returns the exit status.
  int run();
  void finish(int status = 0);

  // As the signals do; for the admin port and tests.
  void request_reload();
  void request_stop();
  // Another process has taken over: on_stop, in peace.
  void handed_over();

  [[nodiscard]] bool stopping() const { return stopping_; }

  template <class Call>
  void post(Call&& call) {
    asio::post(loop_, std::forward<Call>(call));
  }

 private:
  void wait_for_signal();
  void begin_grace();
  void begin_last_wait();

  struct LastWait;

  SupervisorSettings settings_;
  Loop loop_{kOneThread};
  asio::executor_work_guard<LoopExecutor> work_;
  asio::basic_signal_set<LoopExecutor> signals_;
  Timer grace_;
  std::function<void()> on_reload_;
  std::function<void()> on_reopen_;
  std::function<void()> on_stop_;
  bool stopping_ = false;
  bool handed_over_ = false;
  int status_ = 0;
  std::shared_ptr<LastWait> last_wait_;  // from the end of run() on
};

// Raises the soft limit of descriptors to the hard one and returns it.
std::uint64_t raise_descriptor_limit();

}  // namespace shared
