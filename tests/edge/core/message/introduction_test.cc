#include "edge/core/message/introduction.h"

#include <gtest/gtest.h>

namespace edge::introduction_test {
namespace {

TEST(Introduction, OfAHeaderThatTellsNothingIsNone) { EXPECT_EQ(introduce({}), nullptr); }

TEST(Introduction, CarriesAllThatWasSaidAndSaysItAgain) {
  shared::ProxyHeader header;
  header.tells = true;
  header.source = *shared::Endpoint::parse("[::ffff:192.0.2.1]:5");
  header.destination = *shared::Endpoint::parse("[2001:db8::1]:443");
  header.authority = "shop.example";
  header.alpn = "h2";
  header.unique_id = "id";
  header.tls = header.tls_verified = true;
  header.tls_version = "TLSv1.3";
  header.tls_client = "alice";
  const auto made = introduce(header);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->source.to_string(), "192.0.2.1:5") << "a mapped address is the IPv4 address that it carries";
  const shared::ProxyHeader again = header_of(*made);
  EXPECT_EQ(again.source, made->source);
  EXPECT_EQ(again.destination, header.destination);
  EXPECT_EQ(again.authority, "shop.example");
  EXPECT_EQ(again.alpn, "h2");
  EXPECT_EQ(again.unique_id, "id");
  EXPECT_EQ(again.tls_version, "TLSv1.3");
  EXPECT_EQ(again.tls_client, "alice");
  EXPECT_TRUE(again.tells && again.tls && again.tls_verified);
}

}  // namespace
}  // namespace edge::introduction_test
