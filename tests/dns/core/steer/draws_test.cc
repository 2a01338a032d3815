#include "dns/core/steer/draws.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace dns::draws_test {
namespace {

using Group = std::vector<DrawnRegion>;

std::map<std::pair<std::string, std::string>, double> shares(const Group& before, const Group& after) {
  std::map<std::pair<std::string, std::string>, double> out;
  for (const DrawnShare& drawn : shares_of_draws(before, after)) {
    out[{before[drawn.before].name, after[drawn.after].name}] += drawn.share;
  }
  return out;
}

TEST(Draws, NobodyMovesWhoseRegionIsThere) {
  auto found = shares({{"us", 70}, {"eu", 20}, {"ap", 10}}, {{"us", 70, false}, {"eu", 20}, {"ap", 10}});
  ASSERT_EQ(found.size(), 4U);
  EXPECT_NEAR((found[{"us", "eu"}]), 0.7 * 2 / 3, 1e-12);
  EXPECT_NEAR((found[{"us", "ap"}]), 0.7 / 3, 1e-12);
  EXPECT_NEAR((found[{"eu", "eu"}]), 0.2, 1e-12);
  EXPECT_NEAR((found[{"ap", "ap"}]), 0.1, 1e-12);
}

TEST(Draws, ARegionThatReturnsTakesItsOwnShareBack) {
  auto found = shares({{"us", 70, false}, {"eu", 20}, {"ap", 10}}, {{"us", 70}, {"eu", 20, false}, {"ap", 10}});
  EXPECT_NEAR((found[{"eu", "us"}]), 0.2 * 7 / 8 + 0.7 * 2 / 3, 1e-12);
  EXPECT_NEAR((found[{"ap", "us"}]), 0.7 / 3, 1e-12);
  EXPECT_NEAR((found[{"ap", "ap"}]), 0.1, 1e-12);
  EXPECT_NEAR((found[{"eu", "ap"}]), 0.2 / 8, 1e-12);
}

TEST(Draws, OtherWeightsMoveWhatTheyMust) {
  auto found = shares({{"us", 70}, {"eu", 30}}, {{"us", 60}, {"eu", 40}});
  EXPECT_NEAR((found[{"us", "us"}]), 0.6, 1e-12);
  EXPECT_NEAR((found[{"us", "eu"}]), 0.1, 1e-12);
  EXPECT_NEAR((found[{"eu", "eu"}]), 0.3, 1e-12);
}

TEST(Draws, AllSharesTogetherAreOne) {
  for (unsigned up = 1; up < 8; ++up) {
    for (unsigned then = 1; then < 8; ++then) {
      const auto group = [](unsigned usable, double first) {
        return Group{{"a", first, (usable & 1) != 0}, {"b", 2, (usable & 2) != 0}, {"c", 5, (usable & 4) != 0}};
      };
      for (const double weight : {1.0, 3.0}) {
        double total = 0;
        for (const DrawnShare& drawn : shares_of_draws(group(up, 1), group(then, weight))) {
          EXPECT_TRUE(group(up, 1)[drawn.before].usable);
          EXPECT_TRUE(group(then, weight)[drawn.after].usable);
          total += drawn.share;
        }
        EXPECT_NEAR(total, 1, 1e-12) << up << ' ' << then << ' ' << weight;
      }
    }
  }
}

TEST(Draws, TheOnlyOneIsTakenAsItIs) {
  auto found = shares({{"us", 1, false}}, {{"eu", 1}, {"ap", 3}});
  EXPECT_NEAR((found[{"us", "eu"}]), 0.25, 1e-12);
  EXPECT_NEAR((found[{"us", "ap"}]), 0.75, 1e-12);
}

}  // namespace
}  // namespace dns::draws_test
