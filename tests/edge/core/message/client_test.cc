#include "edge/core/message/client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/shared/http/parse.h"

namespace edge::client_test {
namespace {

PrefixSet trusted() {
  const std::vector<shared::Prefix> prefixes{*shared::Prefix::parse("10.0.0.0/8"), *shared::Prefix::parse("fd00::/8")};
  return PrefixSet(prefixes);
}

struct ClientCase {
  std::string peer;
  std::string fields;
  std::string client;
};

TEST(Client, RightmostUntrustedHop) {
  for (const ClientCase& row : std::vector<ClientCase>{
           {"203.0.113.7", "", "203.0.113.7"},
           {"203.0.113.7", "X-Forwarded-For: 198.51.100.1\r\n", "203.0.113.7"},
           {"10.0.0.1", "", "10.0.0.1"},
           {"10.0.0.1", "X-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1"},
           {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, 198.51.100.1 ,10.0.0.2\r\n", "198.51.100.1"},
           {"10.0.0.1", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 198.51.100.1, 10.0.0.9\r\n", "198.51.100.1"},
           {"10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"},
           {"10.0.0.1", "X-Forwarded-For: 6.6.6.6, junk, 10.0.0.2\r\n", "10.0.0.2"},
           {"10.0.0.1", "X-Forwarded-For: unknown\r\n", "10.0.0.1"},
           {"10.0.0.1", "X-Forwarded-For:\r\n", "10.0.0.1"},
           {"10.0.0.1", "X-Forwarded-For: 198.51.100.1:4711\r\n", "198.51.100.1"},
           {"10.0.0.1", "X-Forwarded-For: [2001:db8::1]:4711\r\n", "2001:db8::1"},
           {"fd00::1", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
           {"::ffff:10.0.0.1", "X-Forwarded-For: ::ffff:198.51.100.1\r\n", "198.51.100.1"},
       }) {
    const std::string text = "GET / HTTP/1.1\r\n" + row.fields + "\r\n";
    const Client client =
        identify_client(*shared::IpAddress::parse(row.peer), http::testing::request(text).fields, trusted());
    EXPECT_EQ(client.address.to_string(), row.client) << row.fields;
  }
}

TEST(PrefixSet, NestedAndNeighbouringNetworks) {
  const std::vector<shared::Prefix> prefixes{*shared::Prefix::parse("10.1.0.0/16"),
                                             *shared::Prefix::parse("10.0.0.0/8"), *shared::Prefix::parse("192.0.2.1"),
                                             *shared::Prefix::parse("::/0")};
  const PrefixSet set(prefixes);
  const auto contains = [&](const char* text) { return set.contains(*shared::IpAddress::parse(text)); };
  EXPECT_TRUE(contains("10.255.255.255"));
  EXPECT_TRUE(contains("10.1.2.3"));
  EXPECT_TRUE(contains("192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.0"));
  EXPECT_FALSE(contains("192.0.2.2"));
  EXPECT_FALSE(contains("11.0.0.0"));
  EXPECT_TRUE(contains("2001:db8::1"));
  EXPECT_FALSE(contains("::ffff:11.0.0.0"));
  EXPECT_FALSE(PrefixSet().contains(*shared::IpAddress::parse("10.0.0.1")));
}

}  // namespace
}  // namespace edge::client_test
