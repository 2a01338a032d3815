#include "edge/serve/request/context.h"

#include <gtest/gtest.h>

namespace edge::context_test {
namespace {

TEST(WorkerContext, IsMadeWithoutAWorkerAndGivesItsSnapshotBack) {
  shared::WorkerLoop loop;
  Live live;
  std::shared_ptr<const Snapshot> discarded;
  const auto first = std::make_shared<const Snapshot>();
  {
    WorkerContext context({}, loop, live, nullptr, first,
                          [&](std::shared_ptr<const Snapshot> old) { discarded = std::move(old); });
    EXPECT_EQ(&context.snapshots.current(), first.get());
    EXPECT_EQ(discarded, nullptr);
  }
  EXPECT_EQ(discarded, first);
}

TEST(WorkerContext, EachPoolHasALatencyWindowOfItsOwn) {
  shared::WorkerLoop loop;
  Live live;
  WorkerContext context({}, loop, live, nullptr, std::make_shared<const Snapshot>(),
                        [](const std::shared_ptr<const Snapshot>&) {});
  for (std::uint32_t i = 0; i < LatencyWindow::kEnough; ++i) context.latency_window(PoolSlot{3}).record(1000);
  EXPECT_GE(context.latency_window(PoolSlot{3}).quantile(0.5), 1000U);
  EXPECT_EQ(context.latency_window(PoolSlot{0}).quantile(0.5), 0U);
}

TEST(WorkerContext, ASweepSaysWhatMemoryIsInUse) {
  shared::WorkerLoop loop;
  Live live;
  WorkerContext context({}, loop, live, nullptr, std::make_shared<const Snapshot>(),
                        [](const std::shared_ptr<const Snapshot>&) {});
  auto work = context.works.take();
  context.sweep();
  EXPECT_EQ(context.counters.memory_used.read(), FramePool::of_this_thread().used());
  context.works.give_back(std::move(work));
  context.clear();
  context.sweep();
  EXPECT_EQ(context.counters.memory_used.read(), FramePool::of_this_thread().used());
}

}  // namespace
}  // namespace edge::context_test
