#include "edge/core/message/target.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace edge::target_test {
namespace {

struct PathCase {
  std::string_view path;
  std::string_view expected;
};

TEST(Path, IsNormalisedOnlyWhereThatIsSafe) {
  for (const PathCase& good : {
           PathCase{"/", "/"},
           PathCase{"/a/b.html", "/a/b.html"},
           PathCase{"/.well-known/x", "/.well-known/x"},
           PathCase{"/a/...", "/a/..."},
           PathCase{"/./admin", "/admin"},
           PathCase{"//admin", "/admin"},
           PathCase{"///admin//x///", "/admin/x/"},
           PathCase{"/%61dmin", "/admin"},
           PathCase{"/%41%2d%5f%7e%2E", "/A-_~."},
           PathCase{"/static/../admin", "/admin"},
           PathCase{"/static/%2e%2e/admin", "/admin"},
           PathCase{"/static/.%2E/admin", "/admin"},
           PathCase{"/../../admin", "/admin"},
           PathCase{"/a/..", "/"},
           PathCase{"/a/b/..", "/a/"},
           PathCase{"/a/b/../", "/a/"},
           PathCase{"/a/.", "/a/"},
           PathCase{"/.", "/"},
           PathCase{"/..", "/"},
           PathCase{"/a//../b", "/b"},
           PathCase{"/files/a%2fb", "/files/a%2fb"},
           PathCase{"/files/a%2Fb", "/files/a%2Fb"},
           PathCase{"/api/..%2fadmin", "/api/..%2fadmin"},
           PathCase{"/a%20b%3Fc%23d%25", "/a%20b%3Fc%23d%25"},
           PathCase{"/%252e%252e/", "/%252e%252e/"},
           PathCase{"/caf%C3%A9/%E9", "/caf%C3%A9/%E9"},
           PathCase{"/%E2%82%AC/%F0%9F%98%80", "/%E2%82%AC/%F0%9F%98%80"},
           PathCase{"/a;v=1/b;c", "/a;v=1/b;c"},
           PathCase{"/bucket/key(1)+~'!*@:$,=&", "/bucket/key(1)+~'!*@:$,=&"},
       }) {
    TargetScratch scratch;
    const auto path = normalise_path(good.path, scratch);
    ASSERT_TRUE(path) << good.path << ": " << path.error().reason;
    EXPECT_EQ(path->merged, good.expected) << good.path;
    if (good.path == good.expected) {
      EXPECT_EQ(path->merged.data(), good.path.data()) << "unchanged is a view";
    }
  }
}

TEST(Path, EmptySegmentsAreKeptForForwarding) {
  for (const PathCase& good : {
           PathCase{"/fetch/https://x", "/fetch/https://x"},
           PathCase{"//admin", "//admin"},
           PathCase{"///admin//x///", "///admin//x///"},
           PathCase{"/a//./b", "/a//b"},
           PathCase{"/a/.//b", "/a//b"},
           PathCase{"/x/../a//%62", "/a//b"},
           PathCase{"/a//../b", "/a/b"},
           PathCase{"/a//..", "/a/"},
           PathCase{"/a/..//b/", "//b/"},
           PathCase{"/../..//", "//"},
           PathCase{"/a/b/..", "/a/"},
           PathCase{"/a;v=1//b", "/a;v=1//b"},
       }) {
    TargetScratch scratch;
    const auto path = normalise_path(good.path, scratch);
    ASSERT_TRUE(path) << good.path << ": " << path.error().reason;
    EXPECT_EQ(path->kept, good.expected) << good.path;
    if (good.path == good.expected) {
      EXPECT_EQ(path->kept.data(), good.path.data()) << "unchanged is a view";
    }
  }
}

TEST(Path, RefusesWhatTwoReadersSeeDifferently) {
  for (const std::string_view path : {
           "/%00",
           "/a%00b",
           "/%5c",
           "/%5C..%5cadmin",
           "/a\\b",
           "/%",
           "/%2",
           "/%zz",
           "/%u002f",
           "/a%2",
           "/%c0%af",
           "/%C1%81",
           "/%e0%80%af",
           "/%E0%9F%BF",
           "/%f0%80%80%af",
           "/%f8%80%80%80%af",
           "/%fc%80%80%80%80%af",
           "/a/..;/admin",
           "/.;x/admin",
           "/%2e%2e;/admin",
       }) {
    TargetScratch scratch;
    const auto result = normalise_path(path, scratch);
    ASSERT_FALSE(result) << path;
    EXPECT_EQ(result.error().status, 400);
  }
}

TEST(Path, NormalisingTwiceChangesNothing) {
  for (const std::string_view path : {"/%2561", "/a/%2e/b%2f..", "//%2E%2e//x", "/%41/../..//."}) {
    TargetScratch once;
    TargetScratch twice;
    const auto first = normalise_path(path, once);
    ASSERT_TRUE(first);
    const auto merged = normalise_path(first->merged, twice);
    ASSERT_TRUE(merged);
    EXPECT_EQ(first->merged, merged->merged);
    EXPECT_EQ(first->merged, merged->kept);
    const auto kept = normalise_path(first->kept, twice);
    ASSERT_TRUE(kept);
    EXPECT_EQ(first->kept, kept->kept);
  }
}

TEST(Path, TwinsAreWhatAnUpstreamMightRead) {
  std::string twin;
  EXPECT_FALSE(decode_twin("/a/b", Slashes::merge, twin));
  EXPECT_TRUE(decode_twin("/api/..%2fadmin", Slashes::merge, twin));
  EXPECT_EQ(twin, "/admin");
  EXPECT_TRUE(decode_twin("/files/a%2fb", Slashes::merge, twin));
  EXPECT_EQ(twin, "/files/a/b");
  EXPECT_TRUE(decode_twin("/a%252fb", Slashes::merge, twin));
  EXPECT_EQ(twin, "/a%2fb");
  EXPECT_TRUE(decode_twin("/admin;x/y", Slashes::merge, twin));
  EXPECT_EQ(twin, "/admin/y");
  EXPECT_TRUE(decode_twin("/a/..%255cb", Slashes::merge, twin));
  EXPECT_TRUE(decode_twin(std::string(twin), Slashes::merge, twin));
  EXPECT_EQ(twin, "/b");
  EXPECT_TRUE(decode_twin("/a/%2f../b", Slashes::merge, twin));
  EXPECT_EQ(twin, "/b");
  EXPECT_TRUE(decode_twin("/a/%2f../b", Slashes::keep, twin));
  EXPECT_EQ(twin, "/a/b");
}

TEST(Path, ParametersAreCutFromTheirSegments) {
  std::string plain;
  cut_parameters("/a;v=1/b;c;d/e", plain);
  EXPECT_EQ(plain, "/a/b/e");
  cut_parameters("/;x/a", plain);
  EXPECT_EQ(plain, "//a");
}

struct TargetCase {
  std::string text;
  std::string_view host;
  std::string_view path;
  std::string_view query;
  std::string_view authority;
};

TEST(Target, FormsAndHosts) {
  for (const TargetCase& good : {
           TargetCase{"GET /a?b HTTP/1.1\r\nHost: Shop.Example:8080\r\n\r\n", "shop.example", "/a", "?b",
                      "Shop.Example:8080"},
           TargetCase{"GET /a HTTP/1.1\r\nHost: shop.example.\r\n\r\n", "shop.example", "/a", "", "shop.example."},
           TargetCase{"GET / HTTP/1.0\r\n\r\n", "", "/", "", ""},
           TargetCase{"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "2001:db8::1", "/", "", "[2001:db8::1]:80"},
           TargetCase{"GET http://shop.example/x?y HTTP/1.1\r\nHost: SHOP.example:80\r\n\r\n", "shop.example", "/x",
                      "?y", "shop.example"},
           TargetCase{"GET HTTP://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n", "shop.example", "/", "",
                      "shop.example"},
           TargetCase{"GET https://shop.example?q HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", "shop.example", "/",
                      "?q", "shop.example"},
           TargetCase{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*", "", "a"},
           TargetCase{"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*", "", "a"},
           TargetCase{"OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "", "a"},
           TargetCase{"OPTIONS http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "?b", "a"},
           TargetCase{"GET /a HTTP/1.1\r\nHost: shop.example:\r\n\r\n", "shop.example", "/a", "", "shop.example"},
           TargetCase{"GET /a HTTP/1.1\r\nHost: [::1]:\r\n\r\n", "::1", "/a", "", "[::1]"},
           TargetCase{"GET http://a:/ HTTP/1.1\r\nHost: a:80\r\n\r\n", "a", "/", "", "a"},
           TargetCase{"GET /a?x=/../%00\\ HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/a", "?x=/../%00\\", "a"},
           TargetCase{"GET /?a?b HTTP/1.1\r\nHost: a_b\r\n\r\n", "a_b", "/", "?a?b", "a_b"},
       }) {
    TargetScratch scratch;
    const auto target = resolve_target(http::testing::request(good.text), scratch);
    ASSERT_TRUE(target) << good.text << target.error().reason;
    EXPECT_EQ(target->host, good.host) << good.text;
    EXPECT_EQ(target->path, good.path) << good.text;
    EXPECT_EQ(target->query, good.query) << good.text;
    EXPECT_EQ(target->authority, good.authority) << good.text;
  }
}

struct BadTarget {
  std::string text;
  std::uint16_t status = 400;
};

TEST(Target, RefusesHostsAndForms) {
  const std::string get = "GET / HTTP/1.1\r\n";
  for (const BadTarget& bad : {
           BadTarget{get + "\r\n"},
           BadTarget{get + "Host:\r\n\r\n"},
           BadTarget{get + "Host: a\r\nHost: a\r\n\r\n"},
           BadTarget{"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
           BadTarget{get + "Host: user@a\r\n\r\n"},
           BadTarget{get + "Host: a/b\r\n\r\n"},
           BadTarget{get + "Host: a,b\r\n\r\n"},
           BadTarget{get + "Host: a b\r\n\r\n"},
           BadTarget{get + "Host: a:b\r\n\r\n"},
           BadTarget{get + "Host: a::\r\n\r\n"},
           BadTarget{get + "Host: :\r\n\r\n"},
           BadTarget{get + "Host: a:0\r\n\r\n"},
           BadTarget{get + "Host: a:65536\r\n\r\n"},
           BadTarget{get + "Host: a:80:80\r\n\r\n"},
           BadTarget{get + "Host: .a\r\n\r\n"},
           BadTarget{get + "Host: a..b\r\n\r\n"},
           BadTarget{get + "Host: [::1\r\n\r\n"},
           BadTarget{get + "Host: [1.2.3.4]\r\n\r\n"},
           BadTarget{get + "Host: [::1]x\r\n\r\n"},
           BadTarget{get + "Host: ::1\r\n\r\n"},
           BadTarget{get + "Host: a%2fb\r\n\r\n"},
           BadTarget{get + "Host: " + std::string(256, 'a') + "\r\n\r\n"},
           BadTarget{"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"},
           BadTarget{"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET http://a/ HTTP/1.1\r\n\r\n"},
           BadTarget{"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
           BadTarget{"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
           BadTarget{"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
       }) {
    TargetScratch scratch;
    const auto target = resolve_target(http::testing::request(bad.text), scratch);
    ASSERT_FALSE(target) << bad.text;
    EXPECT_EQ(target.error().status, bad.status) << bad.text;
  }
}

}  // namespace
}  // namespace edge::target_test
