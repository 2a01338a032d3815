#include "edge/core/protect/wait_line.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace edge::wait_line_test {
namespace {

using shared::milliseconds;

constexpr TierId kFree{0};
constexpr TierId kStandard{1};
constexpr TierId kEnterprise{2};

struct Line {
  WaitLine line;
  std::array<WaitLine::Place, 8> places{};
  shared::TimePoint now{std::chrono::hours(1)};

  void join(std::size_t who, TierId tier) { line.join(places[who], tier, now); }
  int index(const WaitLine::Place* place) const {
    return place == nullptr ? -1 : static_cast<int>(place - places.data());
  }
  // In the order in which they are served, with so much time from one to the next.
  std::string served(milliseconds pause = milliseconds(0)) {
    std::string order;
    while (WaitLine::Place* place = line.next(now)) {
      order += std::to_string(index(place));
      line.leave(*place);
      now += pause;
    }
    return order;
  }
};

TEST(WaitLine, TheHighestTierFirstAndInItWhoCameFirst) {
  Line line;
  line.join(0, kFree);
  line.join(1, kEnterprise);
  line.join(2, kStandard);
  line.join(3, kEnterprise);
  line.join(4, kFree);
  EXPECT_EQ(line.served(), "13204");
  EXPECT_TRUE(line.line.empty());
}

TEST(WaitLine, UnderPressureTheNewestFirst) {
  Line line;
  line.join(0, kStandard);
  line.now += WaitLine::kPressure - milliseconds(1);
  EXPECT_FALSE(line.line.pressed(line.now));
  line.join(1, kStandard);
  line.join(2, kFree);
  line.now += milliseconds(1);
  EXPECT_TRUE(line.line.pressed(line.now));
  line.join(3, kStandard);
  EXPECT_EQ(line.served(), "3102") << "tiers go before all";
  EXPECT_FALSE(line.line.pressed(line.now)) << "an empty line is calm";
  line.join(4, kStandard);
  line.join(5, kStandard);
  EXPECT_EQ(line.served(), "45") << "and begins anew";
}

TEST(WaitLine, WhoWouldBeServedLastGivesWayToHigherTiers) {
  Line line;
  EXPECT_EQ(line.line.last(kEnterprise, line.now), nullptr);
  line.join(0, kStandard);
  line.join(1, kStandard);
  line.join(2, kEnterprise);
  EXPECT_EQ(line.index(line.line.last(kEnterprise, line.now)), 1) << "in calm the newest";
  EXPECT_EQ(line.line.last(kStandard, line.now), nullptr) << "not to its equals";
  EXPECT_EQ(line.line.last(kFree, line.now), nullptr);
  line.now += WaitLine::kPressure;
  EXPECT_EQ(line.index(line.line.last(kEnterprise, line.now)), 0) << "under pressure the oldest";
  EXPECT_EQ(line.index(line.line.last(kStandard, line.now)), 0) << "and to newcomers of its own tier, too";
  EXPECT_EQ(line.line.last(kFree, line.now), nullptr);
}

TEST(WaitLine, LeavingFromTheMiddleKeepsTheOrder) {
  Line line;
  for (std::size_t i = 0; i < 5; ++i) line.join(i, kFree);
  line.line.leave(line.places[2]);
  line.line.leave(line.places[0]);
  line.line.leave(line.places[4]);
  EXPECT_FALSE(line.places[2].in_line);
  line.join(2, kFree);
  EXPECT_EQ(line.served(), "132");
}

TEST(WaitLine, KnowsTheHighestOfAllTiers) {
  Line line;
  line.join(0, TierId{kMaxTiers - 1});
  line.join(1, kFree);
  EXPECT_EQ(line.served(), "01");
}

}  // namespace
}  // namespace edge::wait_line_test
