#include "shared/serve/process/supervisor.h"

#include <sys/resource.h>

#include <csignal>

#include "shared/serve/os/log.h"

namespace shared {

Supervisor::Supervisor(SupervisorSettings settings)
    : settings_(settings),
      work_(asio::make_work_guard(loop_)),
      signals_(loop_.get_executor(), SIGHUP, SIGTERM, SIGINT),
      grace_(loop_) {
  std::signal(SIGPIPE, SIG_IGN);
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

int Supervisor::run() {
  loop_.run();
  return status_;
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
