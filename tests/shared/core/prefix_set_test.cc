#include "shared/core/prefix_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace edge::prefix_set_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

PrefixSet set_of(std::initializer_list<const char*> texts) {
  std::vector<Prefix> prefixes;
  for (const char* text : texts) prefixes.push_back(*Prefix::parse(text));
  return PrefixSet(prefixes);
}

TEST(PrefixSet, HoldsFromTheFirstToTheLastAddressOfEach) {
  const PrefixSet set =
      set_of({"198.51.100.0/24", "10.0.0.0/9", "203.0.113.7/32", "2001:db8:8000::/33", "10.1.0.0/16"});
  for (const char* in : {"198.51.100.0", "198.51.100.255", "10.0.0.0", "10.127.255.255", "10.1.2.3", "203.0.113.7",
                         "2001:db8:8000::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(set.contains(ip(in))) << in;
  }
  for (const char* out : {"198.51.99.255", "198.51.101.0", "9.255.255.255", "10.128.0.0", "203.0.113.6", "203.0.113.8",
                          "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "0.0.0.0", "255.255.255.255", "::"}) {
    EXPECT_FALSE(set.contains(ip(out))) << out;
  }
}

TEST(PrefixSet, HoldsAllOfTheLargerOneOfTwoThatBeginAlike) {
  for (const PrefixSet& set : {set_of({"10.0.0.0/30", "10.0.0.0/24"}), set_of({"10.0.0.0/24", "10.0.0.0/30"})}) {
    EXPECT_TRUE(set.contains(ip("10.0.0.3")));
    EXPECT_TRUE(set.contains(ip("10.0.0.255")));
    EXPECT_FALSE(set.contains(ip("10.0.1.0")));
  }
}

TEST(PrefixSet, OfNothingHoldsNobody) {
  EXPECT_TRUE(PrefixSet().empty());
  EXPECT_FALSE(PrefixSet().contains(ip("192.0.2.1")));
  EXPECT_FALSE(set_of({"0.0.0.0/0"}).empty());
  EXPECT_TRUE(set_of({"0.0.0.0/0"}).contains(ip("192.0.2.1")));
  EXPECT_FALSE(set_of({"0.0.0.0/0"}).contains(ip("2001:db8::1"))) << "one family is not the other";
  EXPECT_FALSE(set_of({"::/0"}).contains(ip("192.0.2.1")));
}

TEST(PrefixSet, AMappedAddressIsTheOneThatItCarries) {
  EXPECT_EQ(unmapped(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
  EXPECT_EQ(unmapped(ip("192.0.2.1")), ip("192.0.2.1"));
  for (const char* other :
       {"::fffe:c000:201", "::feff:c000:201", "1::ffff:c000:201", "0:0:0:0:1:ffff:c000:201", "::1", "2001:db8::1"}) {
    EXPECT_EQ(unmapped(ip(other)), ip(other)) << other;
  }
  const PrefixSet set = set_of({"192.0.2.0/24"});
  EXPECT_TRUE(set.contains(ip("::ffff:192.0.2.1")));
  EXPECT_FALSE(set.contains(ip("::ffff:192.0.3.1")));
  EXPECT_FALSE(set.contains(ip("1::ffff:192.0.2.1")));
}

TEST(PrefixSet, AgreesWithItsListForAnyPrefixes) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> prefixes;
    for (unsigned i = 0; i < 1 + random() % 6; ++i) {
      const auto length = static_cast<std::uint8_t>(random() % 9);
      prefixes.push_back(
          {IpAddress::v4(0x0A000000 | (random() & 0xFF)).masked(24 + length), static_cast<std::uint8_t>(24 + length)});
    }
    const PrefixSet set(prefixes);
    for (std::uint32_t last = 0; last < 512; ++last) {
      const IpAddress address = IpAddress::v4(0x09FFFF80 + last);
      const bool any =
          std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& p) { return p.contains(address); });
      ASSERT_EQ(set.contains(address), any) << address.to_string();
    }
  }
}

}  // namespace
}  // namespace edge::prefix_set_test
