#include "edge/core/protect/connection_bound.h"

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/at_once.h"

namespace edge::connection_bound_test {
namespace {

using Taken = ConnectionCounts::Taken;

shared::IpAddress client(const std::string& text) { return *shared::IpAddress::parse(text); }

TEST(ConnectionCounts, LetsInAsManyAsItMay) {
  ConnectionCounts counts(7);
  const auto one = client("192.0.2.1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(counts.take(one, 3), Taken::counted);
  EXPECT_EQ(counts.take(one, 3), Taken::over);
  EXPECT_EQ(counts.take(client("192.0.2.2"), 3), Taken::counted) << "another client";
  EXPECT_EQ(counts.of(one), 3U);
  counts.give_back(one);
  EXPECT_EQ(counts.take(one, 3), Taken::counted);
  for (int i = 0; i < 3; ++i) counts.give_back(one);
  EXPECT_EQ(counts.of(one), 0U);
  counts.give_back(one);
  EXPECT_EQ(counts.of(one), 0U) << "it does not go below";
}

TEST(ConnectionCounts, AnIpv6ClientIsItsNetwork) {
  ConnectionCounts counts(7);
  EXPECT_EQ(counts.take(client("2001:db8:1:200::1"), 1), Taken::counted);
  EXPECT_EQ(counts.take(client("2001:db8:1:2ff:1::9"), 1), Taken::over) << "the same /56";
  EXPECT_EQ(counts.take(client("2001:db8:1:300::1"), 1), Taken::counted);
}

TEST(ConnectionCounts, APermitGivesBackOnce) {
  auto counts = std::make_shared<ConnectionCounts>(7);
  const auto one = client("192.0.2.1");
  ASSERT_EQ(counts->take(one, 9), Taken::counted);
  ASSERT_EQ(counts->take(one, 9), Taken::counted);
  {
    ConnectionPermit permit(counts, one);
    ConnectionPermit moved = std::move(permit);
    ConnectionPermit assigned;
    assigned = std::move(moved);
    EXPECT_EQ(counts->of(one), 2U);
  }
  EXPECT_EQ(counts->of(one), 1U);
}

TEST(ConnectionCounts, IsExactOverThreads) {
  ConnectionCounts counts(7);
  const auto one = client("192.0.2.1");
  std::atomic<int> in{0};
  test::at_once(4, [&](std::size_t) {
    for (int i = 0; i < 1000; ++i) {
      if (counts.take(one, 2000) == Taken::counted) ++in;
    }
  });
  EXPECT_EQ(in, 2000);
  EXPECT_EQ(counts.of(one), 2000U);
  test::at_once(4, [&](std::size_t) {
    for (int i = 0; i < 500; ++i) counts.give_back(one);
  });
  EXPECT_EQ(counts.of(one), 0U);
}

TEST(ConnectionCounts, AFullLineLetsInUncounted) {
  ConnectionCounts counts(7);
  std::size_t uncounted = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    const auto taken = counts.take(shared::IpAddress::v4(i), 1);
    ASSERT_NE(taken, Taken::over) << "nobody is refused for others: " << i;
    if (taken == Taken::uncounted) ++uncounted;
  }
  EXPECT_GT(uncounted, 100'000U);
  EXPECT_EQ(counts.uncounted, uncounted);
}

}  // namespace
}  // namespace edge::connection_bound_test
