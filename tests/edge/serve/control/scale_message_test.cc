#include "edge/serve/control/scale_message.h"

#include <gtest/gtest.h>

namespace edge::scale_message_test {
namespace {

TEST(ScaleMessage, IsOneLineOfJson) {
  ScaleMessage message{.from = {"shop", "eu", "203.0.113.31"},
                       .pool = "api",
                       .desired = 7,
                       .servers = 5,
                       .serving = 4,
                       .settings = {},
                       .reason = "cpu 84 %, target 70 %",
                       .decided = 1764460800};
  message.settings.min = 3;
  message.settings.max = 20;
  message.settings.mode = ScaleMode::on;
  EXPECT_EQ(write(message),
            R"({"version":1,"service":"shop","region":"eu","edge":"203.0.113.31","pool":"api","desired":7,"servers":5,)"
            R"("serving":4,"min":3,"max":20,"mode":"on","reason":"cpu 84 %, target 70 %","decided":1764460800})");
}

// By: printf '1764460800.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
TEST(ScaleMessage, IsSignedWithItsTime) {
  const std::string signature = sign("0123456789abcdef", "1764460800", "{}");
  EXPECT_EQ(signature, "793f68d5447dbade020ce4fb04766dbf9f6c778cfd7c50498dd598e68dd75877");
  EXPECT_NE(sign("0123456789abcdef", "1764460801", "{}"), signature);
  EXPECT_NE(sign("0123456789abcdeg", "1764460800", "{}"), signature);
}

}  // namespace
}  // namespace edge::scale_message_test
