// WorkerLoop and its TimerWheel: what fires when, and what is delivered to whom.
#include "shared/serve/loop/worker_loop.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/loop/timer_wheel.h"
#include "shared/serve/os/unique_fd.h"

namespace shared::worker_loop_test {
namespace {

struct Fired {
  int count = 0;
  Deadline timer{[](void* self) { ++static_cast<Fired*>(self)->count; }, this};
};

TEST(TimerWheel, FiresOnceWhenDueAndNeverEarly) {
  const TimePoint start{std::chrono::hours(1)};
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
  const TimePoint start{std::chrono::hours(1)};
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
  const TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  std::array<Fired, 40> timers;
  for (std::size_t i = 0; i < timers.size(); ++i) wheel.set(timers[i].timer, start + milliseconds(300) * i);
  wheel.advance(start + std::chrono::hours(2));
  for (const Fired& fired : timers) EXPECT_EQ(fired.count, 1);
}

TEST(TimerWheel, DestroyedTimersAreForgotten) {
  const TimePoint start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  int fired = 0;
  const auto count = [](void* self) { ++*static_cast<int*>(self); };
  // In one slot, so that the wheel's list runs through what goes.
  std::array<std::optional<Deadline>, 5> timers;
  for (auto& timer : timers) wheel.set(timer.emplace(count, &fired), start + milliseconds(50));
  for (const std::size_t gone : {0U, 2U, 4U}) timers[gone].reset();
  wheel.advance(start + milliseconds(100));
  EXPECT_EQ(fired, 2) << "those that are left, once each";
  wheel.advance(start + seconds(20));
  EXPECT_EQ(fired, 2);
}

TEST(WorkerLoop, PostedWorkRunsOnItsThread) {
  WorkerLoop loop;
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

TEST(WorkerLoop, APulseEndsEveryTurnAndKeepsThemComing) {
  WorkerLoop loop;
  int beats = 0;
  const WorkerLoop::Pulse pulse{.beat = [](void* count) { ++*static_cast<int*>(count); }, .owner = &beats};
  loop.pulse(pulse);
  loop.poll();
  EXPECT_EQ(beats, 1);
  loop.pulse({});
  loop.poll();
  EXPECT_EQ(beats, 1);
  struct Stopper {
    WorkerLoop& loop;
    int beats = 0;
  } stopper{loop};
  loop.pulse({.beat =
                  [](void* self) {
                    auto& its = *static_cast<Stopper*>(self);
                    if (++its.beats == 5) its.loop.stop();
                  },
              .owner = &stopper});
  loop.run();  // without an event or a deadline
  EXPECT_EQ(stopper.beats, 5);
}

// A descriptor whose events are counted, and answered by `then`.
struct Watched {
  explicit Watched(UniqueFd watched) : fd(std::move(watched)) {}
  UniqueFd fd;
  std::vector<std::uint32_t> seen{};
  std::function<void()> then{};
  Watch watch{.handler =
                  [](void* self, std::uint32_t events) {
                    auto& watched = *static_cast<Watched*>(self);
                    watched.seen.push_back(events);
                    if (watched.then) watched.then();
                  },
              .owner = this};
};

UniqueFd readable_event() { return UniqueFd(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)); }

TEST(WorkerLoop, AnEdgeIsToldOnceALevelInEachTurn) {
  WorkerLoop loop;
  Watched edge(readable_event());
  Watched level(readable_event());
  ASSERT_TRUE(loop.watch(edge.fd.get(), EPOLLIN | EPOLLET, edge.watch));
  ASSERT_TRUE(loop.watch(level.fd.get(), EPOLLIN, level.watch));
  for (int turn = 0; turn < 3; ++turn) loop.poll();
  EXPECT_EQ(edge.seen, (std::vector<std::uint32_t>{EPOLLIN}));
  EXPECT_EQ(level.seen.size(), 3U);
}

TEST(WorkerLoop, WatchesForOtherEvents) {
  WorkerLoop loop;
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  Watched near{UniqueFd(fds[0])};
  const UniqueFd far(fds[1]);
  ASSERT_TRUE(loop.watch(near.fd.get(), EPOLLIN, near.watch));
  loop.poll();
  EXPECT_TRUE(near.seen.empty());
  loop.rewatch(near.fd.get(), EPOLLOUT, near.watch);
  loop.poll();
  EXPECT_EQ(near.seen, (std::vector<std::uint32_t>{EPOLLOUT}));
}

TEST(WorkerLoop, WhatIsForgottenHearsNoMoreOfThisTurn) {
  WorkerLoop loop;
  Watched one(readable_event());
  Watched other(readable_event());
  for (Watched* watched : {&one, &other}) {
    ASSERT_TRUE(loop.watch(watched->fd.get(), EPOLLIN, watched->watch));
    Watched& rival = watched == &one ? other : one;
    watched->then = [&loop, &rival] {
      loop.forget(rival.watch);
      rival.fd.reset();
    };
  }
  loop.poll();
  EXPECT_EQ(one.seen.size() + other.seen.size(), 1U);
}

TEST(WorkerLoop, WhatIsDeferredWhileDeferredWorkRunsComesInTheNextTurn) {
  WorkerLoop loop;
  int runs = 0;
  std::function<void()> again = [&] {
    if (++runs == 3) return loop.stop();
    loop.defer(again);
  };
  loop.defer(again);
  loop.poll();
  EXPECT_EQ(runs, 1);
  loop.run();  // does not sleep over it
  EXPECT_EQ(runs, 3);
}

// Asks for a turn, and notes its name when it comes.
struct Patient {
  Patient(WorkerLoop& loop_in, std::string& seen_in, char name_in) : loop(loop_in), seen(seen_in), name(name_in) {}
  static void called(void* self) {
    Patient& patient = *static_cast<Patient*>(self);
    patient.seen.push_back(patient.name);
    const std::function<void()> then = patient.then;  // it may destroy the patient
    if (then) then();
  }

  WorkerLoop& loop;
  std::string& seen;
  char name;
  std::function<void()> then;
  Soon soon{&Patient::called, this};
};

TEST(WorkerLoop, WhoAsksForATurnHasOneBeforeWhatIsDeferred) {
  WorkerLoop loop;
  std::string seen;
  Patient a(loop, seen, 'a');
  Patient b(loop, seen, 'b');
  loop.soon(b.soon);
  loop.defer([&] { seen.push_back('.'); });
  loop.soon(a.soon);
  loop.soon(b.soon);  // waits already
  a.then = [&] { loop.defer([&] { seen.push_back(','); }); };
  loop.poll();
  EXPECT_EQ(seen, "ba.,");
  loop.poll();
  EXPECT_EQ(seen, "ba.,");
}

TEST(WorkerLoop, WhoAsksAgainLetsOthersGoFirstAndIsNotSleptOver) {
  WorkerLoop loop;
  std::string seen;
  Patient a(loop, seen, 'a');
  Patient b(loop, seen, 'b');
  a.then = [&] { loop.soon(a.soon); };
  loop.soon(a.soon);
  loop.soon(b.soon);
  loop.poll();
  EXPECT_EQ(seen, "ab");
  a.then = [&] { loop.stop(); };
  loop.run();
  EXPECT_EQ(seen, "aba");
}

TEST(WorkerLoop, WhoIsGoneBeforeItsTurnIsNotCalled) {
  WorkerLoop loop;
  std::string seen;
  auto a = std::make_unique<Patient>(loop, seen, 'a');
  auto b = std::make_unique<Patient>(loop, seen, 'b');
  Patient c(loop, seen, 'c');
  for (Patient* one : {a.get(), b.get(), &c}) loop.soon(one->soon);
  a.reset();
  c.then = [&] { loop.soon(c.soon); };
  loop.poll();
  EXPECT_EQ(seen, "bc");
  // In the same round, by the one before and by itself.
  loop.soon(b->soon);
  c.then = [&] { b.reset(); };
  loop.poll();
  EXPECT_EQ(seen, "bcc");
  auto d = std::make_unique<Patient>(loop, seen, 'd');
  d->then = [&] { d.reset(); };
  loop.soon(d->soon);
  loop.poll();
  EXPECT_EQ(seen, "bccd");
}

TEST(WorkerLoop, WhoStillWaitsMayOutliveIt) {
  std::string seen;
  auto loop = std::make_unique<WorkerLoop>();
  Patient a(*loop, seen, 'a');
  Patient b(*loop, seen, 'b');
  loop->soon(a.soon);
  loop->soon(b.soon);
  loop.reset();
  EXPECT_EQ(seen, "");
}

}  // namespace
}  // namespace shared::worker_loop_test
