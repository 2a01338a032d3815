#include "edge/core/protect/limit_standing.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace edge::limit_standing_test {
namespace {

constexpr shared::TimePoint kStart{std::chrono::hours(5)};

struct Limits {
  LimitLives lives;
  RateLimits limits;
  shared::IpAddress client = *shared::IpAddress::parse("192.0.2.1");
  http::FieldList fields;

  void add(RateLimitSettings settings) {
    auto live = lives.of(settings);
    limits.push_back(std::make_shared<const RateLimit>(std::move(settings), std::move(live), 11));
  }
  [[nodiscard]] LimitSubject subject() const { return {.client = client, .fields = fields, .host = "a", .route = "b"}; }
  bool take() { return !rule(limits, subject(), kStart, Counting::count).refused; }
  [[nodiscard]] std::string told() const {
    const LimitRuling left = standing(limits, subject(), kStart);
    return left.by == nullptr ? "" : ratelimit_field(left);
  }
};

TEST(LimitStanding, IsWhatIsLeftAndUsesNothing) {
  Limits world;
  world.add({.name = "api", .rate = 1, .burst = 2, .announce = true});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.told(), "\"api\";r=3;t=0") << "nobody has used anything";
  EXPECT_TRUE(world.take());
  EXPECT_EQ(world.told(), "\"api\";r=2;t=1");
  EXPECT_TRUE(world.take() && world.take());
  EXPECT_EQ(world.told(), "\"api\";r=0;t=3");
  EXPECT_FALSE(world.take());
  EXPECT_EQ(world.limits[0]->live().passed, 3U);
}

TEST(LimitStanding, TheTightestOfThoseThatAnnounceIsTold) {
  Limits world;
  world.add({.name = "silent", .rate = 1, .burst = 1});
  EXPECT_EQ(world.told(), "");
  world.add({.name = "wide", .rate = 1, .burst = 20, .announce = true});
  world.add({.name = "tight", .rate = 1, .burst = 5, .announce = true});
  world.add({.name = "shadow", .mode = shared::Mode::shadow, .rate = 1, .burst = 0, .announce = true});
  EXPECT_EQ(world.told(), "\"tight\";r=6;t=0");
}

}  // namespace
}  // namespace edge::limit_standing_test
