#include "shared/core/client_network.h"

#include <gtest/gtest.h>

namespace shared::client_network_test {
namespace {

IpAddress network(const char* address) { return client_network(*IpAddress::parse(address)); }

TEST(ClientNetwork, IsAnIpv4AddressOrAnIpv6NetworkOf56Bits) {
  EXPECT_EQ(network("192.0.2.1"), *IpAddress::parse("192.0.2.1"));
  EXPECT_NE(network("192.0.2.1"), network("192.0.2.2"));
  EXPECT_EQ(network("2001:db8:1:2ff:ffff::1"), *IpAddress::parse("2001:db8:1:200::"));
  EXPECT_EQ(network("2001:db8:1:200::1"), network("2001:db8:1:2ff::2"));
  EXPECT_NE(network("2001:db8:1:200::1"), network("2001:db8:1:300::1")) << "the last bit of 56";
}

}  // namespace
}  // namespace shared::client_network_test
