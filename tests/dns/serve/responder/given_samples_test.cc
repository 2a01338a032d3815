#include "dns/serve/responder/given_samples.h"

#include <gtest/gtest.h>

namespace dns::given_samples_test {
namespace {

using shared::IpAddress;

TEST(GivenSamples, KeepsBlocksAndOverwritesTheOldest) {
  GivenSamples samples;
  const auto resolver = *IpAddress::parse("2001:db8:7:8::9");
  EXPECT_FALSE(samples.read(0));
  samples.offer(3, PolicyNameId{1}, {}, resolver);  // not every one
  EXPECT_FALSE(samples.read(0));
  samples.offer(32, PolicyNameId{5}, ClientSubnet{*IpAddress::parse("198.51.100.0"), 24}, resolver);
  samples.offer(32, PolicyNameId{8191}, ClientSubnet{*IpAddress::parse("::"), 0}, resolver);
  samples.offer(32, PolicyNameId{8192}, {}, resolver);  // one name too many
  EXPECT_EQ(samples.read(0)->client.to_string(), "198.51.100.0/24");
  EXPECT_TRUE(samples.read(0)->by_subnet);
  EXPECT_EQ(samples.read(0)->name, PolicyNameId{5});
  EXPECT_EQ(samples.read(1)->client.to_string(), "2001:db8:7::/48");
  EXPECT_FALSE(samples.read(1)->by_subnet);
  EXPECT_EQ(samples.read(1)->name, PolicyNameId{8191});
  EXPECT_FALSE(samples.read(2));
  for (std::size_t i = 2; i <= GivenSamples::kSize; ++i)
    samples.offer(0, PolicyNameId{7}, {}, *IpAddress::parse("10.1.2.3"));
  EXPECT_EQ(samples.read(0)->client.to_string(), "10.1.2.0/24");
  EXPECT_EQ(samples.read(1)->name, PolicyNameId{8191});
}

}  // namespace
}  // namespace dns::given_samples_test
