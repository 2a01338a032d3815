#include "edge/core/cache/cache_key.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::cache_key_test {
namespace {

std::string url_of(const ParsedRequest& request) {
  TargetScratch scratch;
  const auto target = resolve_target(request.head, scratch);
  EXPECT_TRUE(target);
  std::string url;
  append_cache_url({}, *target, url);
  return url;
}

std::string url_of(std::string_view line, std::string_view host = "shop.test") {
  std::string text = std::string(line) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
  http::HeadParser parser;
  http::RequestHead head;
  EXPECT_EQ(parser.parse_request(text, {}, head), http::ParseState::complete);
  TargetScratch scratch;
  const auto target = resolve_target(head, scratch);
  if (!target) return "refused";
  std::string url;
  append_cache_url({}, *target, url);
  return url;
}

// Forms that mean the same are one, and what servers may tell apart is two.
TEST(CacheKey, IsTheUrlAsServersAreAskedForIt) {
  EXPECT_EQ(url_of(ParsedRequest("")), "shop.test/");
  EXPECT_EQ(url_of("GET /a?b=c"), "shop.test/a?b=c");
  EXPECT_EQ(url_of("HEAD /a?b=c"), "shop.test/a?b=c");
  EXPECT_EQ(url_of("GET /x/../%61/./b"), "shop.test/a/b");
  EXPECT_EQ(url_of("GET http://SHOP.test/a"), "shop.test/a");
  EXPECT_EQ(url_of("GET /a", "SHOP.Test:8080"), "shop.test:8080/a");
  EXPECT_NE(url_of("GET /a", "shop.test:81"), url_of("GET /a", "shop.test"));
  EXPECT_NE(url_of("GET /a//b"), url_of("GET /a/b"));
  EXPECT_NE(url_of("GET /a%2fb"), url_of("GET /a/b"));
  EXPECT_NE(url_of("GET /a?"), url_of("GET /a"));
  EXPECT_NE(url_of("GET /a?b&c"), url_of("GET /a?c&b"));
}

// What is left out tells nothing apart, and is not told to servers.
TEST(CacheKey, CountsTheParametersThatTheRuleNames) {
  CacheRule only;
  only.key = {
      {CacheKeyPart::Kind::header, "X-A"}, {CacheKeyPart::Kind::query, "page"}, {CacheKeyPart::Kind::query, "f_*"}};
  EXPECT_TRUE(leaves_parameters_out(only));
  EXPECT_EQ(keyed_query(only, "?utm_source=x&page=2&page&PAGE=3&f_a=1&f=2"), "?page=2&page&f_a=1");
  EXPECT_EQ(keyed_query(only, "?x"), "");
  EXPECT_EQ(keyed_query(only, "?"), "");
  EXPECT_EQ(keyed_query(only, ""), "");
  CacheRule except;
  except.key = {{CacheKeyPart::Kind::query_except, "utm_*"}, {CacheKeyPart::Kind::query_except, "sid"}};
  EXPECT_EQ(keyed_query(except, "?utm_source=x&page=2&&sid=9&side=1&utm_"), "?page=2&&side=1");
  EXPECT_EQ(keyed_target(except, "/a?sid=1"), "/a");
  EXPECT_EQ(keyed_target(except, "/a?b=1&sid=1"), "/a?b=1");
  EXPECT_EQ(keyed_target(except, "/a"), "/a");
  CacheRule none;
  none.key = {{CacheKeyPart::Kind::cookie, "c"}};
  EXPECT_FALSE(leaves_parameters_out(none));
}

std::string selector(const CacheRule& rule, std::string_view lines, bool trusted = false,
                     std::string_view tier = "free", std::string_view scheme = "http") {
  const ParsedRequest request(lines);
  Client client;
  client.trusted = trusted;
  std::string out;
  append_selector(rule, {.fields = request.head.fields, .client = client, .scheme = scheme, .tier = tier}, out);
  return out;
}

TEST(CacheKey, SelectsBySchemeTierAndWhatTheRuleNames) {
  CacheRule rule;
  EXPECT_NE(selector(rule, "", false, "free"), selector(rule, "", false, "gold"));
  EXPECT_NE(selector(rule, "", false, "free", "http"), selector(rule, "", false, "free", "https"));
  EXPECT_EQ(selector(rule, "X-Device: a\r\n"), selector(rule, "X-Device: b\r\n"));
  rule.key = {{CacheKeyPart::Kind::header, "X-Device"}, {CacheKeyPart::Kind::cookie, "lang"}};
  EXPECT_NE(selector(rule, "X-Device: a\r\n"), selector(rule, "X-Device: b\r\n"));
  EXPECT_NE(selector(rule, "Cookie: lang=de\r\n"), selector(rule, "Cookie: lang=en\r\n"));
  EXPECT_EQ(selector(rule, "Cookie: a=1; lang=de\r\n"), selector(rule, "Cookie: lang=de; b=2\r\n"));
  EXPECT_NE(selector(rule, "Cookie: lang=\r\n"), selector(rule, ""));
}

TEST(CacheKey, SelectsByTheRoute) {
  const ParsedRequest request("");
  const Client client;
  const auto of_route = [&](std::string_view route) {
    std::string out;
    append_selector(CacheRule(),
                    {.fields = request.head.fields, .client = client, .scheme = "http", .tier = {}, .route = route},
                    out);
    return out;
  };
  EXPECT_NE(of_route("one"), of_route("two"));
  EXPECT_NE(of_route("one"), of_route({}));
}

TEST(CacheKey, SelectsByWhatTrustedProxiesTellServers) {
  const CacheRule rule;
  EXPECT_EQ(selector(rule, "X-Forwarded-Host: evil.test\r\n"), selector(rule, ""));
  EXPECT_NE(selector(rule, "X-Forwarded-Host: evil.test\r\n", true), selector(rule, "", true));
  EXPECT_NE(selector(rule, "X-Forwarded-Proto: https\r\n", true), selector(rule, "", true));
}

TEST(CacheKey, SelectsByWhatForwardedTellsBesideAddresses) {
  const CacheRule rule;
  const std::string plain = selector(rule, "", true);
  const auto told = [&](const std::string& value) { return selector(rule, "Forwarded: " + value + "\r\n", true); };
  EXPECT_EQ(selector(rule, "Forwarded: host=evil.test\r\n"), selector(rule, ""));
  EXPECT_EQ(told("for=192.0.2.1;by=203.0.113.1, For=\"[2001:db8::1]\""), plain);
  EXPECT_NE(told("for=192.0.2.1;host=evil.test"), plain);
  EXPECT_NE(told("host=evil.test"), told("host=other.test"));
  EXPECT_EQ(told("for=192.0.2.1;proto=https, for=192.0.2.2"), told("for=192.0.2.3; proto=https"));
  EXPECT_NE(told("for=\"a;host=evil.test\""), plain) << "however it is read";
}

// RFC 9111 4.4.
TEST(CacheKey, InvalidatesOnlyTheSameOrigin) {
  const ParsedRequest request("", "POST /a/b?c HTTP/1.1");
  TargetScratch scratch;
  const auto target = resolve_target(request.head, scratch);
  const auto leads = [&](std::string_view reference) { return same_origin_url(*target, "http", reference); };
  EXPECT_EQ(leads("/x?y#z"), "shop.test/x?y");
  EXPECT_EQ(leads("x"), "shop.test/a/x");
  EXPECT_EQ(leads("../x/./y"), "shop.test/x/y");
  EXPECT_EQ(leads("../../../x"), "shop.test/x");
  EXPECT_EQ(leads("?q"), "shop.test/a/b?q");
  EXPECT_EQ(leads(""), "shop.test/a/b?c");
  EXPECT_EQ(leads("http://SHOP.test/x"), "shop.test/x");
  EXPECT_EQ(leads("//shop.test"), "shop.test/");
  EXPECT_EQ(leads("http://shop.test:8080/x"), "");
  EXPECT_EQ(leads("https://shop.test/x"), "");
  EXPECT_EQ(leads("//evil.test/x"), "");
  EXPECT_EQ(leads("mailto:a"), "");
}

TEST(CacheKey, PassesByWhatMayOverruleMethodOrTarget) {
  const ParsedRequest plain("Accept: */*\r\n");
  EXPECT_EQ(why_bypassed({.head = plain.head}), "");
  EXPECT_NE(why_bypassed({.head = plain.head, .has_body = true}), "");
  EXPECT_NE(why_bypassed({.head = plain.head, .upgrades = true}), "");
  EXPECT_NE(why_bypassed({.head = plain.head, .identified = true}), "");
  EXPECT_NE(why_bypassed({.head = plain.head, .authenticated = true}), "");
  for (const char* line : {"X-HTTP-Method-Override: DELETE\r\n", "x-original-url: /x\r\n", "X_Rewrite_URL: /x\r\n",
                           "X-Forwarded-Scheme: http\r\n"}) {
    EXPECT_NE(why_bypassed({.head = ParsedRequest(line).head}), "") << line;
  }
}

// A server would answer by another value than the key has, and others would get that.
TEST(CacheKey, PassesByWhatItsServerSeesOtherwise) {
  CacheRule rule;
  rule.key = {{CacheKeyPart::Kind::header, "X-Device"}};
  const auto passes = [&](const char* lines) {
    const ParsedRequest request(lines);
    return !why_bypassed({.head = request.head, .rule = &rule}).empty();
  };
  EXPECT_FALSE(passes("X-Device: a\r\nX_Other: b\r\nConnection: keep-alive\r\n"));
  EXPECT_TRUE(passes("X_Device: a\r\n"));
  EXPECT_TRUE(passes("X-Device: a\r\nConnection: x-device\r\n"));
  EXPECT_TRUE(passes("Accept-Language: de\r\nConnection: close, Accept-Language\r\n"));
  EXPECT_FALSE(passes("Cookie: a=b\r\nConnection: Cookie, X-Device\r\n")) << "one it keeps, and one that is not there";
}

TEST(CacheKey, PassesByCookiesOfTheKeyThatStandTwice) {
  CacheRule rule;
  rule.key = {{CacheKeyPart::Kind::cookie, "lang"}};
  const auto passes = [&](const char* lines) {
    const ParsedRequest request(lines);
    return !why_bypassed({.head = request.head, .rule = &rule}).empty();
  };
  EXPECT_FALSE(passes("Cookie: lang=de; language=x; a=lang; b=1; b=2\r\n"));
  EXPECT_TRUE(passes("Cookie: lang=de; a=1; lang=en\r\n"));
  EXPECT_TRUE(passes("Cookie: lang=de\r\nCookie: lang =en\r\n"));
  EXPECT_TRUE(passes("Cookie: l%61ng=en\r\n"));
  EXPECT_FALSE(why_bypassed({.head = ParsedRequest("Cookie: lang=de; lang=en\r\n").head}).size() > 0) << "no key";
}

TEST(CacheKey, FindsTags) {
  for (const char* list : {"a", "b,a", "b, a", "b a", "a b", "\ta,"}) EXPECT_TRUE(holds_tag(list, "a")) << list;
  for (const char* list : {"", "ab", "b,ab", "A"}) EXPECT_FALSE(holds_tag(list, "a")) << list;
  EXPECT_FALSE(holds_tag("a,,b", ""));
}

}  // namespace
}  // namespace edge::cache_key_test
