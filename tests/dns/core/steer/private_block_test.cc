#include "dns/core/steer/private_block.h"

#include <gtest/gtest.h>

namespace dns::private_block_test {
namespace {

[[nodiscard]] shared::IpAddress ip(const char* text) { return shared::IpAddress::parse(text).value(); }

TEST(PrivateBlock, KnowsTheBlocksAndTheirBorders) {
  struct Case {
    const char* address;
    bool is_private;
    unsigned length;  // of the block, or of the public one around it
  };
  for (const Case& c : std::initializer_list<Case>{{"10.0.0.0", true, 8},
                                                   {"10.255.255.255", true, 8},
                                                   {"11.0.0.0", false, 8},
                                                   {"100.64.0.0", true, 10},
                                                   {"100.128.0.0", false, 9},
                                                   {"172.16.0.1", true, 12},
                                                   {"172.32.0.0", false, 11},
                                                   {"192.168.1.1", true, 16},
                                                   {"192.169.0.0", false, 16},
                                                   {"169.254.9.9", true, 16},
                                                   {"fc00::1", true, 7},
                                                   {"fe80::1", true, 10},
                                                   {"::1", true, 128},
                                                   {"::2", false, 127}}) {
    const PrivateBlock seen = private_block_of(ip(c.address));
    EXPECT_EQ(seen.is_private, c.is_private) << c.address;
    EXPECT_EQ(seen.length, c.length) << c.address;
  }
}

// What the path looks up by one octet is what the whole address says.
TEST(PrivateBlock, TheFirstOctetTellsTheSameWhereItTells) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    const shared::IpAddress address = shared::IpAddress::v4(octet << 24 | 0x00010203);
    const std::uint8_t known = known_public_length(address);
    if (known == 0) continue;
    EXPECT_FALSE(private_block_of(address).is_private) << octet;
    EXPECT_EQ(private_block_of(address).length, known) << octet;
  }
  for (const unsigned octet : {10U, 100U, 127U, 169U, 172U, 192U}) {
    EXPECT_EQ(known_public_length(shared::IpAddress::v4(octet << 24)), 0) << octet;
  }
}

TEST(PrivateBlock, AnEmbeddedIpv4AddressCountsAsItself) {
  EXPECT_TRUE(is_private_client(ip("64:ff9b::10.1.2.3")));
  EXPECT_FALSE(is_private_client(ip("64:ff9b::192.0.2.1")));
  EXPECT_TRUE(is_private_client(ip("192.168.0.1")));
}

}  // namespace
}  // namespace dns::private_block_test
