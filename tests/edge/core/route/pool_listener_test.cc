#include "edge/core/route/pool_listener.h"

#include <gtest/gtest.h>

namespace edge::pool_listener_test {
namespace {

TEST(SniRules, TheExactNameWinsThenTheLongestWildcard) {
  SniRules rules;
  EXPECT_TRUE(rules.empty());
  rules.add("*.example", PoolId{1});
  rules.add("shop.example", PoolId{2});
  rules.add("*.shop.example", PoolId{3});
  EXPECT_EQ(rules.find("shop.example"), PoolId{2});
  EXPECT_EQ(rules.find("a.shop.example"), PoolId{3});
  EXPECT_EQ(rules.find("a.b.shop.example"), PoolId{3});
  EXPECT_EQ(rules.find("other.example"), PoolId{1});
  EXPECT_EQ(rules.find("a.other.example"), PoolId{1});
  EXPECT_EQ(rules.find("example"), std::nullopt) << "a wildcard wants a label";
  EXPECT_EQ(rules.find("shop.example.net"), std::nullopt);
  EXPECT_EQ(rules.find(""), std::nullopt);
  EXPECT_FALSE(rules.empty());
}

TEST(PoolListener, WithoutAListEverybodyMayComeIn) {
  PoolListener listener;
  const shared::IpAddress client = *shared::IpAddress::parse("192.0.2.1");
  EXPECT_TRUE(listener.allows(client));
  listener.allow = PrefixSet(std::vector<shared::Prefix>{*shared::Prefix::parse("10.0.0.0/8")});
  EXPECT_FALSE(listener.allows(client));
}

}  // namespace
}  // namespace edge::pool_listener_test
