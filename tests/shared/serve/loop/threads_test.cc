// WorkerThread and Builder: what runs where, and where things die.

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/builder.h"
#include "tests/shared/serve/run_until.h"

namespace shared::threads_test {
namespace {

std::string name_of_this_thread() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(WorkerThreadTest, RunsWhatIsPostedInOrderOnItsNamedThread) {
  WorkerThread worker({.name = "worker-0", .core = std::nullopt});
  worker.start();
  std::vector<int> order;
  std::promise<std::string> name;
  for (int i = 0; i < 100; ++i) worker.post([&order, i] { order.push_back(i); });
  worker.post([&name] { name.set_value(name_of_this_thread()); });
  EXPECT_EQ(name.get_future().get(), "worker-0");
  worker.stop();
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

// A thread that may use fewer has fewer.
TEST(WorkerThreadTest, UsableCoresAreThoseOfWhoAsks) {
  std::thread([] {
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    std::vector<unsigned> all;
    for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &mask)) all.push_back(core);
    }
    EXPECT_EQ(usable_cores(), all);
    CPU_ZERO(&mask);
    CPU_SET(all.back(), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(usable_cores(), std::vector<unsigned>{all.back()});
  }).join();
}

TEST(WorkerThreadTest, IsPinnedToItsCore) {
  const unsigned core = usable_cores().back();
  WorkerThread worker({.name = "pinned", .core = core});
  worker.start();
  std::promise<std::vector<unsigned>> cores;
  worker.post([&cores] { cores.set_value(usable_cores()); });
  EXPECT_EQ(cores.get_future().get(), std::vector<unsigned>{core});
}

TEST(WorkerThreadTest, ACoreThatIsNotThereIsLogged) {
  const LogCapture capture;
  WorkerThread worker({.name = "stray", .core = 1'000'000});
  worker.start();
  std::promise<void> ran;
  worker.post([&ran] { ran.set_value(); });
  ran.get_future().wait();
  EXPECT_TRUE(capture.contains("event=worker_not_pinned worker=stray core=1000000"));
}

TEST(WorkerThreadTest, HeartStandsStillWhenTheLoopHangs) {
  WorkerThread worker({.name = "heart", .core = std::nullopt});
  worker.start();
  wait_until([&] { return worker.heartbeats() >= 3; });
  std::promise<void> hanging;
  std::promise<void> release;
  worker.post([&] {
    hanging.set_value();
    release.get_future().wait();
  });
  hanging.get_future().wait();
  const std::uint64_t before = worker.heartbeats();
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(worker.heartbeats(), before);
  release.set_value();
  wait_until([&] { return worker.heartbeats() > before; });
}

TEST(BuilderTest, RunsJobsOneAtATimeInOrderElsewhere) {
  std::vector<int> order;
  std::promise<std::thread::id> last;
  Builder builder;
  for (int i = 0; i < 50; ++i) builder.run([&order, i] { order.push_back(i); });
  builder.run([&last] { last.set_value(std::this_thread::get_id()); });
  EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
  builder.stop();
  ASSERT_EQ(order.size(), 50U);
  EXPECT_EQ(order.front(), 0);
  EXPECT_EQ(order.back(), 49);
}

TEST(BuilderTest, LeavesTheCoreToWorkers) {
  const int own = ::getpriority(PRIO_PROCESS, 0);
  Builder builder;
  std::promise<int> theirs;
  builder.run([&theirs] { theirs.set_value(::getpriority(PRIO_PROCESS, 0)); });
  EXPECT_EQ(theirs.get_future().get(), std::min(own + 10, 19));
}

// Polls until the calling thread's scheduling policy is `policy`.
void wait_for_policy(int policy) {
  while (::sched_getscheduler(0) != policy) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool may_leave_the_background() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NICE, &limit);
  return ::geteuid() == 0 || limit.rlim_cur >= 10;
}

TEST(BuilderTest, ABackgroundJobComesForwardWhenItsTimeIsOver) {
  Loop loop(kOneThread);
  Builder builder;
  int begun_as = -1;
  bool done = false;
  builder.run_then(
      loop,
      [&] {
        begun_as = ::sched_getscheduler(0);
        wait_for_policy(SCHED_OTHER);
        return 0;
      },
      [&](int) { done = true; }, Pace::background);
  ASSERT_TRUE(test::run_until(loop, [&] { return done; }));
  EXPECT_EQ(begun_as, may_leave_the_background() ? SCHED_IDLE : SCHED_OTHER);
}

TEST(BuilderTest, ABackgroundJobComesForwardForTheNext) {
  Loop loop(kOneThread);
  for (int round = 0; round < 50; ++round) {
    Builder builder;
    builder.run_then(
        loop,
        [] {
          wait_for_policy(SCHED_OTHER);
          return 0;
        },
        [](int) {}, Pace::background);
    std::promise<int> as;
    builder.run([&as] { as.set_value(::sched_getscheduler(0)); });
    EXPECT_EQ(as.get_future().get(), SCHED_OTHER);
  }
}

TEST(BuilderTest, WhatABackgroundJobLeavesBehindDiesInTheBackground) {
  if (!may_leave_the_background()) GTEST_SKIP() << "RLIMIT_NICE does not allow it";
  Loop loop(kOneThread);
  Builder builder;
  bool done = false;
  builder.run_then(loop, [] { return 0; }, [&](int) { done = true; }, Pace::background);
  ASSERT_TRUE(test::run_until(loop, [&] { return done; }));
  struct Dying {
    std::promise<int>* as;
    ~Dying() { as->set_value(::sched_getscheduler(0)); }
  };
  std::promise<int> as;
  builder.dispose(std::shared_ptr<const Dying>(new Dying{&as}));
  EXPECT_EQ(as.get_future().get(), SCHED_IDLE);
}

TEST(BuilderTest, ResultComesBackToTheLoop) {
  Loop loop(kOneThread);
  Builder builder;
  std::thread::id built_on;
  std::thread::id done_on;
  std::unique_ptr<int> result;
  builder.run_then(
      loop,
      [&] {
        built_on = std::this_thread::get_id();
        return std::make_unique<int>(42);
      },
      [&](std::unique_ptr<int> built) {
        done_on = std::this_thread::get_id();
        result = std::move(built);
      });
  ASSERT_TRUE(test::run_until(loop, [&] { return result != nullptr; }));
  EXPECT_EQ(*result, 42);
  EXPECT_NE(built_on, std::this_thread::get_id());
  EXPECT_EQ(done_on, std::this_thread::get_id());
}

struct Dying {
  std::promise<std::thread::id>* died_on;
  ~Dying() { died_on->set_value(std::this_thread::get_id()); }
};

TEST(BuilderTest, WhatIsRetiredDiesThere) {
  Builder builder;
  std::promise<std::thread::id> builders_id;
  builder.run([&] { builders_id.set_value(std::this_thread::get_id()); });
  std::promise<std::thread::id> died_on;
  builder.dispose(std::shared_ptr<const Dying>(new Dying{&died_on}));
  EXPECT_EQ(died_on.get_future().get(), builders_id.get_future().get());
}

TEST(BuilderTest, StopDropsJobsThatHaveNotBegun) {
  Builder builder;
  std::promise<void> begun;
  std::promise<void> release;
  std::atomic<int> ran{0};
  builder.run([&] {
    begun.set_value();
    release.get_future().wait();
    ++ran;
  });
  begun.get_future().wait();
  builder.run([&] { ran += 100; });
  std::thread stopper([&] { builder.stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  release.set_value();
  stopper.join();
  EXPECT_EQ(ran, 1);
  builder.run([&] { ran += 100; });  // after the stop: nothing
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace shared::threads_test
