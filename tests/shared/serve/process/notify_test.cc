// What a service manager is told and what it gives, by the environment that it sets.
#include "shared/serve/process/notify.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "tests/shared/serve/notify_socket.h"

namespace shared::notify_test {
namespace {

TEST(NotifyTest, TellsItsStates) {
  test::NotifySocket manager;
  notify_ready();
  EXPECT_EQ(manager.next(), "READY=1");
  notify_stopping();
  EXPECT_EQ(manager.next(), "STOPPING=1");
  timespec before{};
  timespec after{};
  ::clock_gettime(CLOCK_MONOTONIC, &before);
  notify_reloading();
  ::clock_gettime(CLOCK_MONOTONIC, &after);
  const std::string text = manager.next();
  const std::string begin = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(text.starts_with(begin)) << text;
  const auto in_microseconds = [](const timespec& time) {
    return static_cast<unsigned long long>(time.tv_sec) * 1'000'000 +
           static_cast<unsigned long long>(time.tv_nsec) / 1000;
  };
  const auto told = std::stoull(text.substr(begin.size()));
  EXPECT_GE(told, in_microseconds(before));
  EXPECT_LE(told, in_microseconds(after));
}

// A name that no socket can have is left alone; one that just fits is tried.
TEST(NotifyTest, NamesHaveTheSizeOfAnAddress) {
  for (const auto& [size, tried] :
       std::vector<std::pair<std::size_t, bool>>{{1, false}, {2, true}, {107, true}, {108, false}}) {
    const LogCapture log;
    ::setenv("NOTIFY_SOCKET", ("/" + std::string(size - 1, 'x')).c_str(), 1);
    notify_ready();
    EXPECT_EQ(log.contains("event=notify_failed"), tried) << size;
  }
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(NotifyTest, ANameMayBeAbstract) {
  const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "meridian-notify-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  notify_ready();
  ::unsetenv("NOTIFY_SOCKET");
  std::string text(100, ' ');
  const ssize_t got = ::recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  EXPECT_EQ(text.substr(0, static_cast<std::size_t>(got)), "READY=1");
}

// In a process of its own, where descriptors 3 and 4 are sockets: how many are given, or -1 if something is wrong with
// them.
int given(const char* count, pid_t whose_offset) {
  const auto sockets = bind_udp(*Endpoint::parse("127.0.0.1:0"), 2);
  if (!sockets) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    const int first = ::fcntl((*sockets)[0].get(), F_DUPFD, 100);
    const int second = ::fcntl((*sockets)[1].get(), F_DUPFD, 100);
    ::dup2(first, 3);
    ::dup2(second, 4);
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid() + whose_offset).c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "listener", 1);
    const auto descriptors = descriptors_of_manager();
    bool sound = true;
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      sound = sound && descriptors[i].get() == 3 + static_cast<int>(i) &&
              (::fcntl(descriptors[i].get(), F_GETFD) & FD_CLOEXEC) != 0;
    }
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
      sound = sound && ::getenv(variable) == nullptr;
    std::_Exit(sound ? static_cast<int>(descriptors.size()) : 255);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

TEST(NotifyTest, TakesTheSocketsThatAreForItself) {
  EXPECT_EQ(given("2", 0), 2);
  EXPECT_EQ(given("1", 0), 1);
  EXPECT_EQ(given("2", 1), 0) << "somebody else's";
  EXPECT_EQ(given("two", 0), 0);
  EXPECT_EQ(given("", 0), 0);
}

}  // namespace
}  // namespace shared::notify_test
