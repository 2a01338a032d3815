#include "shared/load/listen_address.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/shared/load/helpers.h"

namespace shared::load::listen_address_test {
namespace {

using testing::problems_of;
using testing::value_of;

TEST(ListenAddress, IsAnAddressOurOwnOrASocket) {
  EXPECT_EQ(value_of(listen_address(), "\"[::]:53\"")->to_string(), "[::]:53");
  const auto own = value_of(listen_address(), "\"{edge}:80\"");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->resolve(IpAddress::parse("192.0.2.7"))->to_string(), "192.0.2.7:80");
  EXPECT_EQ(own->resolve(std::nullopt), std::nullopt);
  EXPECT_EQ(own->to_string(), "{edge}:80");
  EXPECT_EQ(value_of(listen_address_or_unix(), "unix:/run/a.sock")->path, "/run/a.sock");
  EXPECT_EQ(value_of(listen_address(), "unix:/run/a.sock"), std::nullopt);
  EXPECT_EQ(value_of(listen_address_or_unix(), "unix:a.sock"), std::nullopt);
  EXPECT_EQ(problems_of(listen_address(), "localhost:80"),
            "c.yaml:1:6: error: key: expected a listen address such as 192.0.2.1:80, [2001:db8::1]:80 or "
            "\"{edge}:80\", not 'localhost:80'\n");
}

// sockaddr_un has room for 107 octets and a zero.
TEST(ListenAddress, APathIsAbsoluteAndFits) {
  EXPECT_TRUE(ListenAddress::parse("unix:/" + std::string(106, 'x')));
  EXPECT_FALSE(ListenAddress::parse("unix:/" + std::string(107, 'x')));
  EXPECT_FALSE(ListenAddress::parse("unix:"));
  EXPECT_EQ(ListenAddress::parse("unix:/a")->to_string(), "unix:/a");
  EXPECT_EQ(ListenAddress::parse("unix:/a")->resolve(IpAddress::parse("192.0.2.7")), std::nullopt);
}

TEST(ListenAddress, APortIsANumber) {
  EXPECT_TRUE(ListenAddress::parse("{edge}:0")) << "the system chooses";
  for (const char* text : {"{edge}", "{edge}:", "{edge}:65536", "{edge}:http", "192.0.2.1", "{Edge}:80"}) {
    EXPECT_FALSE(ListenAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace shared::load::listen_address_test
