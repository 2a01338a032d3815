#include "shared/serve/process/supervisor.h"

#include <sys/resource.h>

#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "shared/serve/os/log.h"
#include "shared/serve/os/thread_setup.h"

namespace shared {

struct Supervisor::LastWait {
  std::mutex mutex;
  std::condition_variable wake;
  bool over = false;

  void run(Duration patience, int status) {
    begin_thread("last-wait");
    std::unique_lock lock(mutex);
    if (wake.wait_for(lock, patience, [this] { return over; })) return;
    log_event(Level::error, "stop_forced", {{"reason", "a thread is held by the kernel: does a mount hang?"}});
    std::this_thread::sleep_for(milliseconds(100));  // for the log's thread
    ::_exit(status);
  }
};

Supervisor::Supervisor(SupervisorSettings settings)
    : settings_(settings),
      work_(asio::make_work_guard(loop_)),
      signals_(loop_.get_executor(), SIGHUP, SIGTERM, SIGINT),
      grace_(loop_) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  signals_.add(SIGUSR1);
  wait_for_signal();
}

void Supervisor::wait_for_signal() {
  signals_.async_wait([this](error_code error, int signal) {
    if (error) return;
    wait_for_signal();
    if (signal == SIGHUP) return request_reload();
    if (signal == SIGUSR1) return on_reopen_ ? on_reopen_() : void();
    if (!stopping_) return request_stop();
    if (handed_over_) return finish(0);
    log_event(Level::warn, "stop_forced", {{"reason", "a second signal"}});
    finish(1);
  });
}

Supervisor::~Supervisor() {
  if (last_wait_ == nullptr) return;
  const std::lock_guard lock(last_wait_->mutex);
  last_wait_->over = true;
  last_wait_->wake.notify_one();
}

int Supervisor::run() {
  loop_.run();
  begin_last_wait();
  return status_;
}

void Supervisor::begin_last_wait() {
  last_wait_ = std::make_shared<LastWait>();
  std::thread([wait = last_wait_, patience = settings_.last_wait, status = status_] {
    wait->run(patience, status);
  }).detach();
}

void Supervisor::finish(int status) {
  status_ = status;
  loop_.stop();
}

void Supervisor::request_reload() {
  if (stopping_) return;
  notify_reloading();
  if (on_reload_) on_reload_();
}

void Supervisor::handed_over() {
  handed_over_ = true;
  request_stop();
}

void Supervisor::request_stop() {
  if (stopping_) return;
  stopping_ = true;
  notify_stopping();
  log_event(Level::info, "stopping");
  if (!on_stop_) return finish(0);
  on_stop_();
  begin_grace();
}

// After on_stop: only then is it known how long this stop may take.
void Supervisor::begin_grace() {
  grace_.expires_after(settings_.stop_grace);
  grace_.async_wait([this](error_code error) {
    if (error) return;
    log_event(handed_over_ ? Level::info : Level::warn, "stop_forced", {{"reason", "the grace time is over"}});
    finish(0);
  });
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) return limit.rlim_cur;
  return raised.rlim_cur;
}

}  // namespace shared
