#include "edge/serve/request/websocket_key.h"

#include <gtest/gtest.h>

namespace edge::websocket_key_test {
namespace {

// RFC 6455 1.3.
TEST(WebSocketKeyTest, AcceptIsTheOneOfTheRfc) {
  EXPECT_STREQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==").data(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketKeyTest, TheDigitsAreTheKeysOctets) {
  const WebSocketKey key("7468652073616d706c65206e6f6e6365");
  EXPECT_EQ(key.key(), "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketKeyTest, OfARequestItIsOneOf16Octets) {
  const auto of = [](std::initializer_list<std::string_view> values) {
    http::FieldList fields;
    for (const std::string_view value : values) {
      EXPECT_TRUE(fields.push({.name = "sec-websocket-KEY", .value = value}));
      EXPECT_TRUE(fields.push({.name = "sec-websocket-version", .value = "13"}));
    }
    return websocket_key_of(fields);
  };
  constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
  EXPECT_EQ(of({kKey}), kKey);
  EXPECT_EQ(of({"+/09azAZ09azAZ09azAZAQ=="}), "+/09azAZ09azAZ09azAZAQ==");
  EXPECT_EQ(of({}), "");
  EXPECT_EQ(of({kKey, kKey}), "");
  for (const std::string_view bad :
       {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZA===", "dGhlIHNhbXBsZSBub25j?Q==", "dGhlIHNhbXBsZSBub25j=Q=="}) {
    EXPECT_EQ(of({bad}), "") << bad;
  }
}

TEST(WebSocketKeyTest, OtherDigitsAreAnotherKey) {
  const WebSocketKey one("00000000000000000000000000000000");
  const WebSocketKey other("00000000000000000000000000000001");
  EXPECT_EQ(one.key(), "AAAAAAAAAAAAAAAAAAAAAA==");
  EXPECT_NE(one.key(), other.key());
  EXPECT_NE(one.accept(), other.accept());
}

}  // namespace
}  // namespace edge::websocket_key_test
