#pragma once
// NotifySocket: a service manager's socket, named by NOTIFY_SOCKET while it lives. One at a time.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/pass_descriptors.h"
#include "shared/serve/os/unique_fd.h"

namespace shared::test {

class NotifySocket {
 public:
  NotifySocket() : path_(::testing::TempDir() + "/meridian_notify_" + std::to_string(::getpid())) {
    ::unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unlink(path_.c_str());
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // The oldest message that has come; empty: none.
  std::string next() { return receive().text; }
  Received receive() {
    pollfd wait{fd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 0) != 1) return {};
    return receive_with_descriptors(fd_.get()).value_or(Received{});
  }

 private:
  std::string path_;
  UniqueFd fd_{::socket(AF_UNIX, SOCK_DGRAM, 0)};
};

}  // namespace shared::test
