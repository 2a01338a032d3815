#include "edge/serve/loop.h"

#include <sys/socket.h>

#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "edge/serve/socket.h"
#include "edge/serve/task.h"
#include "edge/serve/timers.h"

namespace edge {
namespace {

using shared::milliseconds;

struct Fired {
  int count = 0;
  Timer timer{[](void* self) { ++static_cast<Fired*>(self)->count; }, this};
};

TEST(TimerWheel, FiresOnceWhenDueAndNeverEarly) {
  const shared::TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  Fired soon, later, far;
  wheel.set(soon.timer, start + milliseconds(20));
  wheel.set(later.timer, start + milliseconds(500));
  wheel.set(far.timer, start + std::chrono::minutes(3));
  wheel.advance(start + milliseconds(19));
  EXPECT_EQ(soon.count, 0);
  wheel.advance(start + milliseconds(60));
  EXPECT_EQ(soon.count, 1);
  wheel.advance(start + milliseconds(499));
  EXPECT_EQ(later.count, 0);
  for (int ms = 500; ms < 200'000; ms += 70) {
    wheel.advance(start + milliseconds(ms));
    if (ms < 180'000) {
      ASSERT_EQ(far.count, 0);
    }
  }
  EXPECT_EQ(later.count, 1);
  EXPECT_EQ(far.count, 1);
}

TEST(TimerWheel, MovesAndCancels) {
  const shared::TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  Fired moved, nearer, cancelled;
  wheel.set(moved.timer, start + milliseconds(50));
  wheel.set(moved.timer, start + milliseconds(300));
  wheel.set(nearer.timer, start + milliseconds(300));
  wheel.set(nearer.timer, start + milliseconds(50));
  wheel.set(cancelled.timer, start + milliseconds(50));
  wheel.cancel(cancelled.timer);
  wheel.advance(start + milliseconds(100));
  EXPECT_EQ(moved.count, 0);
  EXPECT_EQ(nearer.count, 1);
  wheel.advance(start + milliseconds(400));
  EXPECT_EQ(moved.count, 1);
  EXPECT_EQ(cancelled.count, 0);
  EXPECT_FALSE(wheel.until_next(start + milliseconds(400)).has_value());
}

TEST(TimerWheel, ALongSleepLosesNothing) {
  const shared::TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  std::array<Fired, 40> timers;
  for (std::size_t i = 0; i < timers.size(); ++i) wheel.set(timers[i].timer, start + milliseconds(300) * i);
  wheel.advance(start + std::chrono::hours(2));
  for (const Fired& fired : timers) EXPECT_EQ(fired.count, 1);
}

TEST(TimerWheel, DestroyedTimersAreForgotten) {
  const shared::TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  {
    Fired gone;
    wheel.set(gone.timer, start + milliseconds(50));
  }
  wheel.advance(start + milliseconds(100));
}

TEST(Loop, PostedWorkRunsOnItsThread) {
  Loop loop;
  std::thread::id ran;
  std::thread other([&] { loop.run(); });
  const std::thread::id expected = other.get_id();
  loop.post([&] {
    ran = std::this_thread::get_id();
    loop.stop();
  });
  other.join();
  EXPECT_EQ(ran, expected);
}

Task<int> value(int n) { co_return n; }

Task<int> sum_of_many() {
  int sum = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const int one = co_await value(1);
    sum += one;
  }
  co_return sum;
}

Task<> store(int& out) {
  const int sum = co_await sum_of_many();
  out = sum;
}

TEST(Task, AMillionAwaitsInALoopNeedNoStack) {
  int out = 0;
  Task<> task = store(out);
  task.start();
  EXPECT_EQ(out, 1'000'000);
}

struct Pair {
  explicit Pair(Loop& loop) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    near.emplace(loop, fds[0]);
    far = shared::UniqueFd(fds[1]);
  }
  std::optional<Socket> near;
  shared::UniqueFd far;
};

Task<> wait_for_bytes(Loop& loop, Waiter& waiter, Socket& socket, std::string& out) {
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
  Loop loop;
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

TEST(Socket, AnIdleSocketTellsItsOwner) {
  Loop loop;
  Pair pair(loop);
  std::uint32_t seen = 0;
  struct Owner {
    Loop& loop;
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
}  // namespace edge
