#include "shared/core/ip.h"

#include <gtest/gtest.h>

namespace shared::ip_test {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->to_string(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->to_string(), "2001:db8::1");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "::1%lo", "[::1]", "1.2.3.4.5"}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
}

TEST(IpAddress, MaskedKeepsTheFirstBits) {
  EXPECT_EQ(IpAddress::parse("203.0.113.255")->masked(25).to_string(), "203.0.113.128");
  EXPECT_EQ(IpAddress::parse("203.0.113.255")->masked(0).to_string(), "0.0.0.0");
  EXPECT_EQ(IpAddress::parse("2001:db8:ffff::1")->masked(33).to_string(), "2001:db8:8000::");
}

TEST(Prefix, RefusesBitsPastItsLengthAndNamesTheRightForm) {
  const auto bad = Prefix::parse("203.0.113.7/24");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("did you mean 203.0.113.0/24?"), std::string::npos);
  for (const char* text : {"203.0.113.0/33", "203.0.113.0/", "203.0.113.0/024", "::/129", "x/8", "1.2.3.4/-1"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, ContainsByBitsAndFamily) {
  const Prefix p = *Prefix::parse("198.51.100.0/22");
  EXPECT_TRUE(p.contains(*IpAddress::parse("198.51.103.255")));
  EXPECT_FALSE(p.contains(*IpAddress::parse("198.51.104.0")));
  EXPECT_FALSE(Prefix::parse("::/0")->contains(*IpAddress::parse("198.51.100.0")));
  EXPECT_TRUE(p.contains(*Prefix::parse("198.51.101.0/24")));
  EXPECT_FALSE(p.contains(*Prefix::parse("198.51.0.0/16")));
}

TEST(EmbeddedIpv4, FindsTheAddressAndTheShift) {
  const auto check = [](const char* v6, const char* v4, int shift) {
    const auto found = embedded_ipv4(*IpAddress::parse(v6));
    ASSERT_TRUE(found) << v6;
    EXPECT_EQ(found->address.to_string(), v4);
    EXPECT_EQ(found->shift, shift);
  };
  check("::ffff:203.0.113.9", "203.0.113.9", 96);
  check("64:ff9b::203.0.113.9", "203.0.113.9", 96);
  check("2002:cb00:7109::1", "203.0.113.9", 16);
  check("2001:0:4136:e378:8000:63bf:34ff:8ef6", "203.0.113.9", 96);
  EXPECT_FALSE(embedded_ipv4(*IpAddress::parse("2001:db8::1")));
  EXPECT_FALSE(embedded_ipv4(*IpAddress::parse("203.0.113.9")));
}

TEST(Prefix, HoldsAddressesOfItsOwnFamilyOnly) {
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("192.0.2.1")));
  EXPECT_FALSE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("::")));
  EXPECT_FALSE(Prefix::parse("::/0")->contains(*IpAddress::parse("0.0.0.0")));
}

TEST(Endpoint, NeedsBracketsForIpv6Only) {
  EXPECT_EQ(Endpoint::parse("[::1]:53")->to_string(), "[::1]:53");
  EXPECT_EQ(Endpoint::parse("127.0.0.1:5300")->port, 5300);
  for (const char* bad : {"::1:53", "[127.0.0.1]:53", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":53"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace shared::ip_test
