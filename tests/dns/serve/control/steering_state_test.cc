#include "dns/serve/control/steering_state.h"

#include <gtest/gtest.h>

namespace dns::steering_state_test {
namespace {

TEST(SteeringState, HealthComesBack) {
  const std::vector<PersistedEdge> edges = {{"eu", *shared::IpAddress::parse("192.0.2.1"), shared::HealthState::down},
                                            {"us", *shared::IpAddress::parse("2001:db8::1"), shared::HealthState::up}};
  const auto read = read_health(write_health(edges));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].region, "eu");
  EXPECT_EQ((*read)[0].state, shared::HealthState::down);
  EXPECT_EQ((*read)[1].address.to_string(), "2001:db8::1");
}

TEST(SteeringState, OverridesComeBack) {
  const shared::WallTime expires{std::chrono::seconds(1'800'000'000)};
  const shared::WallTime since{std::chrono::seconds(1'700'000'000)};
  const std::vector<NamedOverride> words = {
      {"eu", std::nullopt, Override::State::drained, "kernel \"update\"", expires, since},
      {"us", shared::IpAddress::parse("192.0.2.1"), Override::State::up, "", std::nullopt}};
  const auto read = read_overrides(write_overrides(words));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].reason, "kernel \"update\"");
  EXPECT_EQ((*read)[0].expires, expires);
  EXPECT_EQ((*read)[0].since, since);
  EXPECT_FALSE((*read)[1].since);
  EXPECT_FALSE((*read)[0].edge);
  EXPECT_EQ((*read)[1].edge, shared::IpAddress::parse("192.0.2.1"));
  EXPECT_EQ((*read)[1].state, Override::State::up);
  EXPECT_FALSE((*read)[1].expires);
}

TEST(SteeringState, BrokenFilesAreErrors) {
  for (const char* text :
       {"", "[]", "{", "{}", R"({"edges": 1, "overrides": {}})", R"({"edges": [1], "overrides": [1]})",
        R"({"edges": [{"region": "eu", "address": "x", "state": "up"}], "overrides": [{"region": "eu"}]})",
        R"({"edges": [{"address": "192.0.2.1", "state": "?"}], "overrides": [{"state": "up"}]})"}) {
    EXPECT_FALSE(read_health(text)) << text;
    EXPECT_FALSE(read_overrides(text)) << text;
  }
}

}  // namespace
}  // namespace dns::steering_state_test
