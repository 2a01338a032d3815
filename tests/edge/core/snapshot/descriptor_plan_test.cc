#include "edge/core/snapshot/descriptor_plan.h"

#include <gtest/gtest.h>

namespace edge::descriptor_plan_test {
namespace {

constexpr DescriptorNeeds needs(std::uint64_t limit) {
  return {.limit = limit, .connections = 10000, .reserved = 16, .workers = 2, .pipes_per_worker = 64};
}

TEST(DescriptorPlan, AllThatIsWantedWhereThereIsRoom) {
  const DescriptorPlan plan = plan_descriptors(needs(1'000'000));
  EXPECT_EQ(plan.connections, 10000U);
  EXPECT_EQ(plan.pipes_per_worker, 64U);
}

TEST(DescriptorPlan, ARequestNeedsTwoAndFourWithAPipe) {
  for (const std::uint64_t limit : {64, 150, 256, 1024, 4096, 20000}) {
    const DescriptorPlan plan = plan_descriptors(needs(limit));
    EXPECT_GE(plan.connections, 1U);
    const std::uint64_t used = 2 * plan.connections + 2 * 2 * plan.pipes_per_worker + 16;
    EXPECT_LE(used + std::min<std::uint64_t>(256, limit / 4), limit) << limit;
    EXPECT_GE(used, limit / 2) << limit;  // and does not waste them
  }
}

TEST(DescriptorPlan, NobodyServesNobody) {
  EXPECT_EQ(plan_descriptors(needs(0)).connections, 1U);
  EXPECT_EQ(plan_descriptors(needs(20)).connections, 1U);
}

}  // namespace
}  // namespace edge::descriptor_plan_test
