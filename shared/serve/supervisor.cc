#include "shared/serve/supervisor.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "shared/serve/log.h"
#include "shared/serve/unique_fd.h"

namespace shared {
namespace {

// sd_notify(3): a path, or `@name` for the abstract namespace.
void notify(std::string_view message) {
  const char* socket_name = std::getenv("NOTIFY_SOCKET");
  if (socket_name == nullptr) return;
  const std::string_view name = socket_name;
  sockaddr_un address{};
  if (name.size() < 2 || name.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  const ssize_t sent = ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) log_event(Level::warn, "notify_failed", {{"reason", std::strerror(errno)}});
}

}  // namespace

Supervisor::Supervisor(SupervisorSettings settings)
    : settings_(settings),
      work_(asio::make_work_guard(loop_)),
      signals_(loop_.get_executor(), SIGHUP, SIGTERM, SIGINT),
      grace_(loop_) {
  std::signal(SIGPIPE, SIG_IGN);
  wait_for_signal();
}

void Supervisor::wait_for_signal() {
  signals_.async_wait([this](error_code error, int signal) {
    if (error) return;
    wait_for_signal();
    if (signal == SIGHUP) return request_reload();
    if (!stopping_) return request_stop();
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

void Supervisor::request_stop() {
  if (stopping_) return;
  stopping_ = true;
  notify_stopping();
  log_event(Level::info, "stopping");
  grace_.expires_after(settings_.stop_grace);
  grace_.async_wait([this](error_code error) {
    if (error) return;
    log_event(Level::warn, "stop_forced", {{"reason", "the grace time is over"}});
    finish(0);
  });
  if (on_stop_) return on_stop_();
  finish(0);
}

void notify_ready() { notify("READY=1"); }

void notify_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() { notify("STOPPING=1"); }

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) return limit.rlim_cur;
  return raised.rlim_cur;
}

}  // namespace shared
