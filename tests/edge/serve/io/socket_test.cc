// Socket and Waiter, and the tasks that sleep there.
#include "edge/serve/io/socket.h"

#include <sys/socket.h>

#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "edge/serve/io/task.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge::socket_test {
namespace {

struct Pair {
  explicit Pair(shared::WorkerLoop& loop) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    near.emplace(loop, fds[0]);
    far = shared::UniqueFd(fds[1]);
  }
  std::optional<Socket> near;
  shared::UniqueFd far;
};

Task<> wait_for_bytes(shared::WorkerLoop& loop, Waiter& waiter, Socket& socket, std::string& out) {
  const shared::TimePoint deadline = loop.now() + std::chrono::seconds(5);
  char bytes[16];
  IoResult result = socket.receive(bytes);
  while (result.status == IoStatus::again) {
    const Wake wake = co_await waiter.until(deadline);
    if (wake == Wake::deadline) break;
    result = socket.receive(bytes);
  }
  out.assign(bytes, result.bytes);
  loop.stop();
}

TEST(Socket, WakesTheWaiterForBytes) {
  shared::WorkerLoop loop;
  Pair pair(loop);
  Waiter waiter(loop);
  pair.near->bind(&waiter);
  std::string out;
  Task<> task = wait_for_bytes(loop, waiter, *pair.near, out);
  task.start();
  ASSERT_EQ(::write(pair.far.get(), "hello", 5), 5);
  loop.run();
  EXPECT_EQ(out, "hello");
  EXPECT_FALSE(pair.near->readable());
}

TEST(Waiter, WhoIsGoneBeforeTheTurnItAskedForIsLeftAlone) {
  shared::WorkerLoop loop;
  auto gone = std::make_unique<Waiter>(loop);
  Waiter there(loop);
  bool woken = false;
  Task<> task = [](Waiter& waiter, bool& done) -> Task<> {
    co_await waiter.until(shared::TimePoint::max());
    done = true;
  }(there, woken);
  task.start();
  gone->wake_soon();
  there.wake_soon();
  gone.reset();
  loop.poll();
  EXPECT_TRUE(woken);
}

TEST(Socket, ReceivesIntoSeveralPieces) {
  shared::WorkerLoop loop;
  Pair pair(loop);
  loop.poll();
  char first[4];
  char second[16];
  const iovec parts[] = {{.iov_base = first, .iov_len = sizeof first}, {.iov_base = second, .iov_len = sizeof second}};
  ASSERT_EQ(::write(pair.far.get(), "hello", 5), 5);
  loop.poll();
  const IoResult received = pair.near->receive(std::span<const iovec>(parts));
  EXPECT_EQ(received.status, IoStatus::ok);
  EXPECT_EQ(std::string(first, 4) + std::string(second, received.bytes - 4), "hello");
  EXPECT_FALSE(pair.near->readable()) << "a short read has emptied it";
  EXPECT_EQ(pair.near->receive(std::span<const iovec>(parts)).status, IoStatus::again);
}

TEST(Socket, AnIdleSocketTellsItsOwner) {
  shared::WorkerLoop loop;
  Pair pair(loop);
  std::uint32_t seen = 0;
  struct Owner {
    shared::WorkerLoop& loop;
    std::uint32_t& seen;
  } owner{loop, seen};
  pair.near->on_idle_event({.handler =
                                [](void* self, std::uint32_t events) {
                                  auto& mine = *static_cast<Owner*>(self);
                                  mine.seen |= events;
                                  if ((events & EPOLLRDHUP) != 0) mine.loop.stop();
                                },
                            .owner = &owner});
  pair.far.reset();
  loop.run();
  EXPECT_TRUE(pair.near->peer_closed());
}

}  // namespace
}  // namespace edge::socket_test
