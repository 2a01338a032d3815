#include "dns/core/answer/seen_names.h"

#include <gtest/gtest.h>

namespace dns::seen_names_test {
namespace {

TEST(SeenNames, TakesEachOnceAndNoMoreThanItsMost) {
  SeenNames seen;
  for (std::uint64_t hash = 1; hash <= kMaxTargets; ++hash) {
    EXPECT_TRUE(seen.insert(hash));
    EXPECT_FALSE(seen.insert(hash));
  }
  EXPECT_FALSE(seen.insert(kMaxTargets + 1));
}

}  // namespace
}  // namespace dns::seen_names_test
