#include "edge/serve/cache/desk.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>

#include "edge/serve/io/task.h"

namespace edge::desk_test {
namespace {

using Phase = CacheFill::Phase;

// A request that reads a fill to its end.
struct Request {
  Request(shared::WorkerLoop& loop, CacheDesk& desk, const std::shared_ptr<CacheFill>& fill) : waiter(loop) {
    reader.emplace(desk, fill, waiter);
    task.emplace(run());
    task->start();
  }
  Task<> run() {
    bool waiting = reader->fill().look().phase == Phase::asking;
    while (waiting) {
      co_await waiter.until(shared::TimePoint::max());
      ++wakes;
      waiting = reader->fill().look().phase == Phase::asking;
    }
    done = true;
    reader.reset();
  }

  Waiter waiter;
  std::optional<CacheDesk::Reader> reader;
  int wakes = 0;
  bool done = false;
  std::optional<Task<>> task;
};

std::shared_ptr<CacheFill> make_fill(bool background = false) {
  return std::make_shared<CacheFill>("a/", "", nullptr, background);
}

TEST(CacheDesk, WakesReadersOfEveryWorker) {
  shared::WorkerLoop here;
  shared::WorkerLoop there;
  CacheDesk ours(here);
  CacheDesk theirs(there);
  const auto fill = make_fill();
  Waiter writer(here);
  ours.write(*fill, writer);
  Request a(here, ours, fill);
  Request b(here, ours, fill);
  Request c(there, theirs, fill);
  EXPECT_FALSE(fill->unwanted());
  fill->moved();
  fill->moved();
  EXPECT_EQ(a.wakes, 0) << "at the end of the turn";
  here.poll();
  there.poll();
  EXPECT_EQ(a.wakes, 1) << "once for both";
  EXPECT_EQ(b.wakes, 1);
  EXPECT_EQ(c.wakes, 1);
  fill->fail(Phase::failed, {.kind = ErrorKind::connect_refused, .detail = "refused"});
  here.poll();
  EXPECT_TRUE(a.done && b.done);
  EXPECT_FALSE(c.done);
  there.poll();
  EXPECT_TRUE(c.done);
  EXPECT_TRUE(fill->unwanted());
  EXPECT_EQ(fill->look().error.kind, ErrorKind::connect_refused);
  ours.cease(*fill);
}

// Whoever is woken may end another one's request, and that may be the next in the row.
TEST(CacheDesk, OneThatIsWokenMayEndTheNext) {
  shared::WorkerLoop loop;
  CacheDesk desk(loop);
  const auto fill = make_fill();
  Waiter writer(loop);
  desk.write(*fill, writer);
  struct Ending {
    Waiter waiter;
    std::optional<CacheDesk::Reader> reader;
    std::optional<Task<>> task;
    Ending* other = nullptr;
    int wakes = 0;
    explicit Ending(shared::WorkerLoop& on) : waiter(on) {}
    Task<> run() {
      co_await waiter.until(shared::TimePoint::max());
      ++wakes;
      other->reader.reset();
    }
  };
  Ending one(loop);
  Ending two(loop);
  Ending three(loop);
  for (Ending* each : {&one, &two, &three}) {
    each->reader.emplace(desk, fill, each->waiter);
    each->task.emplace(each->run());
    each->task->start();
  }
  // The newest comes first.
  three.other = &two;
  two.other = &three;
  one.other = &one;
  fill->moved();
  loop.poll();
  EXPECT_EQ(three.wakes, 1);
  EXPECT_EQ(two.wakes, 0) << "it reads no more";
  EXPECT_EQ(one.wakes, 1);
  EXPECT_FALSE(fill->unread());
  three.reader.reset();
  EXPECT_TRUE(fill->unread());
  desk.cease(*fill);
}

TEST(CacheDesk, RousesTheWriterWhenNobodyReadsOrSomebodyHasTaken) {
  shared::WorkerLoop here;
  shared::WorkerLoop there;
  CacheDesk ours(here);
  CacheDesk theirs(there);
  const auto fill = make_fill();
  Waiter writer(here);
  ours.write(*fill, writer);
  int wakes = 0;
  auto sleep = [&]() -> Task<> {
    while (true) {
      co_await writer.until(shared::TimePoint::max());
      ++wakes;
    }
  };
  Task<> task = sleep();
  task.start();
  std::optional<Request> reader(std::in_place, there, theirs, fill);
  fill->taken();
  here.poll();
  EXPECT_EQ(wakes, 0) << "it does not wait for that";
  fill->sleep();
  fill->taken();
  here.poll();
  EXPECT_EQ(wakes, 1);
  reader.reset();
  here.poll();
  EXPECT_EQ(wakes, 2);
  EXPECT_TRUE(fill->unwanted());
  ours.cease(*fill);
  fill->taken();
  here.poll();
  EXPECT_EQ(wakes, 2);
}

// What one who leaves has kept back is room for those who stay.
TEST(CacheDesk, RousesASleepingWriterWhenOneOfTwoLeaves) {
  shared::WorkerLoop here;
  CacheDesk ours(here);
  const auto fill = make_fill();
  Waiter writer(here);
  ours.write(*fill, writer);
  int wakes = 0;
  auto sleep = [&]() -> Task<> {
    while (true) {
      co_await writer.until(shared::TimePoint::max());
      ++wakes;
    }
  };
  Task<> task = sleep();
  task.start();
  std::optional<Request> one(std::in_place, here, ours, fill);
  std::optional<Request> two(std::in_place, here, ours, fill);
  std::optional<Request> three(std::in_place, here, ours, fill);
  three.reset();
  here.poll();
  EXPECT_EQ(wakes, 0) << "it does not wait";
  fill->sleep();
  two.reset();
  here.poll();
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(fill->unwanted());
  ours.cease(*fill);
}

TEST(CacheDesk, WantsAFillThatIsForTheStore) {
  EXPECT_FALSE(make_fill(true)->unwanted());
  EXPECT_TRUE(make_fill()->unwanted());
  const auto fill = make_fill();
  EXPECT_FALSE(fill->doomed());
  fill->doom();
  EXPECT_TRUE(fill->doomed());
}

}  // namespace
}  // namespace edge::desk_test
