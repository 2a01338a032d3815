#include "edge/serve/request/websocket_key.h"

#include <gtest/gtest.h>

namespace edge {
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

TEST(WebSocketKeyTest, OtherDigitsAreAnotherKey) {
  const WebSocketKey one("00000000000000000000000000000000");
  const WebSocketKey other("00000000000000000000000000000001");
  EXPECT_EQ(one.key(), "AAAAAAAAAAAAAAAAAAAAAA==");
  EXPECT_NE(one.key(), other.key());
  EXPECT_NE(one.accept(), other.accept());
}

}  // namespace
}  // namespace edge
