#include "edge/load/web_url.h"

#include <string>

#include <gtest/gtest.h>

namespace edge::web_url_test {
namespace {

TEST(WebUrl, HasAHostAPortAndATarget) {
  const auto plain = parse_web_url("http://scaler.internal/meridian?of=eu");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "scaler.internal");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->target, "/meridian?of=eu");
  const auto tls = parse_web_url("https://[2001:db8::1]:8443");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->host, "2001:db8::1");
  EXPECT_EQ(tls->authority, "[2001:db8::1]:8443");
  EXPECT_EQ(tls->port, 8443);
  EXPECT_EQ(tls->target, "/");
  EXPECT_EQ(parse_web_url("https://127.0.0.1/x")->port, 443);
  EXPECT_EQ(parse_web_url("http://a.b?x=1")->target, "/?x=1");
}

TEST(WebUrl, NothingElseIsOne) {
  for (const std::string_view text :
       {"", "scaler.internal", "ftp://a.b/", "http://", "http:///x", "http://a b/", "http://a.b:0/",
        "http://a.b:65536/", "http://a.b:x/", "http://a.b:/", "http://user@a.b/", "http://[::1", "http://[1.2.3.4]/",
        "http://a.b/x y", "http://a.b/#top", "http://a.b/\r\nX: y", "http://A.B/"}) {
    EXPECT_FALSE(parse_web_url(text)) << text;
  }
}

TEST(WebUrl, TlsIsVerifiedUnderTheHostsNameUnlessItIsSaidOtherwise) {
  shared::load::Diagnostics diagnostics;
  EXPECT_FALSE(web_tls(*parse_web_url("http://a.b/"), std::nullopt, diagnostics));
  const auto plain = web_tls(*parse_web_url("https://a.b/"), std::nullopt, diagnostics);
  ASSERT_TRUE(plain);
  EXPECT_TRUE(plain->verify);
  EXPECT_EQ(plain->server_name, "a.b");
  shared::load::ClientTlsConfig config;
  config.verify = false;
  config.server_name = "c.d";
  const auto said = web_tls(*parse_web_url("https://a.b/"), config, diagnostics);
  ASSERT_TRUE(said);
  EXPECT_FALSE(said->verify);
  EXPECT_EQ(said->server_name, "c.d");
  EXPECT_FALSE(diagnostics.failed());
}

}  // namespace
}  // namespace edge::web_url_test
