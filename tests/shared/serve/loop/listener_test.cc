// Listener: out of descriptors it pauses, and goes on by itself. What it accepts: the servers' own tests.
#include "shared/serve/loop/listener.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/loop/worker_loop.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/inherited_sockets.h"

namespace shared::listener_test {
namespace {

struct One {
  explicit One(WorkerLoop& loop) {
    auto made = listen_tcp(*Endpoint::parse("127.0.0.1:0"), 1, {});
    EXPECT_TRUE(made);
    where = local_endpoint(made->front().get());
    listener = std::make_unique<Listener>(
        loop, std::move(made->front()), [this](UniqueFd fd, const Endpoint&) { accepted.push_back(std::move(fd)); },
        [this] { ++full; });
  }
  void connect() {
    const SocketAddress address = to_socket_address(where);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length), 0);
  }

  Endpoint where;
  UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::vector<UniqueFd> accepted;
  int full = 0;
  std::unique_ptr<Listener> listener;
};

template <class Condition>
void poll_until(WorkerLoop& loop, Condition condition) {
  while (!condition()) {
    loop.poll();
    std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST(Listener, EachGoesOnWhenThereAreDescriptorsAgain) {
  WorkerLoop loop;
  std::array<One, 2> both{One(loop), One(loop)};
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd next(::dup(both[1].client.get()));  // all below are in use
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(next.get()) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (One& one : both) one.connect();
  poll_until(loop, [&] { return both[0].full > 0 && both[1].full > 0; });
  EXPECT_TRUE(both[0].accepted.empty() && both[1].accepted.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  poll_until(loop, [&] { return both[0].accepted.size() == 1 && both[1].accepted.size() == 1; });
}

TEST(Listener, ADrainTakesWhoIsQueued) {
  WorkerLoop loop;
  One one(loop);
  one.connect();
  one.listener->drain_and_close();
  EXPECT_EQ(one.accepted.size(), 1U);
  const UniqueFd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress address = to_socket_address(one.where);
  EXPECT_NE(::connect(late.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length), 0);
}

}  // namespace
}  // namespace shared::listener_test
