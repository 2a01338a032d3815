#include "edge/serve/files/disk_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/edge/serve/files/root.h"

namespace edge::disk_thread_test {
namespace {

TEST(DiskThread, WorksElsewhereInOrderAndIsDoneHere) {
  shared::WorkerLoop loop;
  DiskThread disk(loop);
  const auto here = std::this_thread::get_id();
  std::vector<int> order;  // written by the disk's thread alone
  int done = 0;
  std::atomic<bool> elsewhere{true};
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(disk.run(
        [&, i] {
          order.push_back(i);
          if (std::this_thread::get_id() == here) elsewhere = false;
        },
        [&] {
          EXPECT_EQ(std::this_thread::get_id(), here);
          ++done;
        }));
  }
  EXPECT_TRUE(test::turn_until(loop, [&] { return done == 10; }));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(elsewhere);
}

TEST(DiskThread, TakesNoMoreThanItsBoundAndDropsWhatHasNotBegun) {
  shared::WorkerLoop loop;
  std::atomic<bool> go{false};
  std::atomic<int> begun{0};
  int refused = 0;
  {
    DiskThread disk(loop);
    const auto slow = [&] {
      ++begun;
      while (!go) std::this_thread::yield();
    };
    for (std::size_t i = 0; i < DiskThread::kMaxWaiting + 10; ++i) {
      if (!disk.run(slow, [] {})) ++refused;
    }
    EXPECT_GE(refused, 9) << "one may have begun";
    while (begun == 0) std::this_thread::yield();
    go = true;
  }
  EXPECT_LT(begun, static_cast<int>(DiskThread::kMaxWaiting) + 1);
}

}  // namespace
}  // namespace edge::disk_thread_test
