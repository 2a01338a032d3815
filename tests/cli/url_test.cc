#include "cli/url.h"

#include <gtest/gtest.h>

namespace cli::url_test {
namespace {

std::string error_of(std::string_view text) {
  const auto url = parse_url(text);
  return url ? "none" : url.error().message;
}

TEST(Url, HasItsParts) {
  const auto url = parse_url("HTTPS://Www.Example.com/api/x?y=1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "www.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/api/x?y=1");
  EXPECT_EQ(url->to_string(), "https://www.example.com/api/x?y=1");
}

TEST(Url, HasWhatIsLeftOut) {
  EXPECT_EQ(parse_url("http://shop.example")->path, "/");
  EXPECT_EQ(parse_url("http://shop.example?a")->path, "/?a");
  EXPECT_EQ(parse_url("http://shop.example:")->port, 80);
  EXPECT_EQ(parse_url("http://[2001:db8::1]:8080/x")->host, "[2001:db8::1]");
  EXPECT_EQ(parse_url("http://[2001:db8::1]:8080/x")->port, 8080);
  EXPECT_EQ(parse_url("http://[2001:db8::1]/x")->port, 80);
  EXPECT_EQ(parse_url("https://shop.example:8443/")->to_string(), "https://shop.example:8443/");
}

TEST(Url, RefusesWhatNoRequestIsMadeOf) {
  EXPECT_NE(error_of("www.example.com/"), "none");
  EXPECT_NE(error_of("ftp://www.example.com/"), "none");
  EXPECT_NE(error_of("https:///x"), "none");
  EXPECT_NE(error_of("https://u:p@www.example.com/"), "none");
  EXPECT_NE(error_of("https://www.example.com/#top"), "none");
  EXPECT_NE(error_of("https://www.example.com:0/"), "none");
  EXPECT_NE(error_of("https://www.example.com:99999/"), "none");
  EXPECT_NE(error_of("https://www.example.com:80x/"), "none");
}

}  // namespace
}  // namespace cli::url_test
