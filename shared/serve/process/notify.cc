#include "shared/serve/process/notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "shared/serve/os/log.h"
#include "shared/serve/os/pass_descriptors.h"

namespace shared {
namespace {

constexpr int kFirstListenDescriptor = 3;  // SD_LISTEN_FDS_START
constexpr int kMaxListenDescriptors = 4096;

// With a manager whose queue is full: news of our state wait a moment, the watchdog's do not, as they come again.
constexpr timeval kPatience{1, 0};
enum class Urgency : std::uint8_t { state, repeated };

// `$NOTIFY_SOCKET` is a path, or `@name` for the abstract namespace.
void notify(std::string_view message, std::span<const int> descriptors = {}, Urgency urgency = Urgency::state) {
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
  if (urgency == Urgency::repeated) ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  bool sent = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
  sent = sent && send_with_descriptors(fd.get(), message, descriptors);
  if (!sent) log_event(Level::warn, "notify_failed", {{"reason", std::strerror(errno)}});
}

std::optional<std::uint64_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

void notify_ready() { notify("READY=1"); }

void notify_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() { notify("STOPPING=1"); }

void notify_watchdog() { notify("WATCHDOG=1", {}, Urgency::repeated); }

std::optional<Duration> watchdog_timeout() {
  const auto microseconds = number_of("WATCHDOG_USEC");
  if (!microseconds || *microseconds == 0) return std::nullopt;
  const auto whose = number_of("WATCHDOG_PID");
  if (whose && *whose != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*microseconds));
}

void notify_store(std::span<const int> descriptors) {
  constexpr std::string_view kName = "FDNAME=listener";
  notify("FDSTOREREMOVE=1\n" + std::string(kName));
  while (!descriptors.empty()) {
    const auto some = descriptors.first(std::min(descriptors.size(), kMostDescriptors));
    notify("FDSTORE=1\n" + std::string(kName), some);
    descriptors = descriptors.subspan(some.size());
  }
}

std::vector<UniqueFd> descriptors_of_manager() {
  const auto whose = number_of("LISTEN_PID");
  const auto count = number_of("LISTEN_FDS");
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  std::vector<UniqueFd> out;
  if (!whose || !count || *whose != static_cast<std::uint64_t>(::getpid())) return out;
  for (int i = 0; i < static_cast<int>(std::min<std::uint64_t>(*count, kMaxListenDescriptors)); ++i) {
    const int fd = kFirstListenDescriptor + i;
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) out.emplace_back(fd);
  }
  return out;
}

}  // namespace shared
