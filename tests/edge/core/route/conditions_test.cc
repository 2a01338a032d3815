#include "edge/core/route/conditions.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace edge::conditions_test {
namespace {

std::string failed(const Route& route, const std::string& fields, TierId tier = TierId{0},
                   http::Method method = http::Method::get) {
  const std::string text = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  const http::RequestHead head = http::testing::request(text);
  const RequestInfo info{"shop.example", "/", method, tier, *shared::IpAddress::parse("203.0.113.7"), head.fields, ""};
  return std::string(failed_condition(route, info, 1));
}

TEST(Conditions, ARouteWithoutAnyTakesAll) { EXPECT_EQ(failed(Route{}, ""), ""); }

TEST(Conditions, TheFirstThatDoesNotHoldIsNamed) {
  Route route;
  route.name = "beta";
  route.conditions.tiers = 0b10;
  route.conditions.methods = 1U << static_cast<unsigned>(http::Method::post);
  route.conditions.headers = {{"X-Beta", "1", http::FieldId::other}};
  route.conditions.cookies = {{"canary", "yes", http::FieldId::other}};
  route.conditions.share = 0;
  const std::string both = "X-Beta: 1\r\nCookie: canary=yes\r\n";
  EXPECT_EQ(failed(route, both, TierId{0}, http::Method::post), "tier");
  EXPECT_EQ(failed(route, both, TierId{1}, http::Method::get), "method");
  EXPECT_EQ(failed(route, "Cookie: canary=yes\r\n", TierId{1}, http::Method::post), "header");
  EXPECT_EQ(failed(route, "X-Beta: 1\r\nCookie: canary=no\r\n", TierId{1}, http::Method::post), "cookie");
  EXPECT_EQ(failed(route, both, TierId{1}, http::Method::post), "share");
  route.conditions.share = 1;
  EXPECT_EQ(failed(route, both, TierId{1}, http::Method::post), "");
}

TEST(Conditions, EachOfSeveralHeadersMustBeThere) {
  Route route;
  route.conditions.headers = {{"X-A", std::nullopt, http::FieldId::other}, {"X-B", "2", http::FieldId::other}};
  EXPECT_EQ(failed(route, "X-A: anything\r\nX-B: 2\r\n"), "");
  EXPECT_EQ(failed(route, "X-B: 2\r\n"), "header");
  EXPECT_EQ(failed(route, "X-A: anything\r\nX-B: 3\r\n"), "header");
}

// A server that reads X_Debug as X-Debug would serve who was to be kept off.
TEST(Conditions, AHeaderIsThereUnderItsTwinToo) {
  Route route;
  route.conditions.headers = {{"X-Debug", "1", http::FieldId::other}};
  EXPECT_EQ(failed(route, "X_DEBUG: 1\r\n"), "");
  EXPECT_EQ(failed(route, "X-Debug: 0\r\nX_Debug: 1\r\n"), "");
  EXPECT_EQ(failed(route, "X_Debug: 0\r\n"), "header");
  route.conditions.headers = {{"X-Debug", std::nullopt, http::FieldId::other}};
  EXPECT_EQ(failed(route, "X_Debug: 0\r\n"), "");
}

TEST(Conditions, ACookieWithoutAValueIsThere) {
  Route route;
  route.conditions.cookies = {{"canary", std::nullopt, http::FieldId::other}};
  EXPECT_EQ(failed(route, "Cookie: canary=\r\n"), "");
  EXPECT_EQ(failed(route, "Cookie: other=canary\r\n"), "cookie");
}

TEST(InShare, NoneAndAll) {
  const auto client = *shared::IpAddress::parse("192.0.2.1");
  EXPECT_FALSE(in_share(1, "r", client, 0));
  EXPECT_TRUE(in_share(1, "r", client, 1));
}

// Two canaries of a tenth each must not be the same tenth.
TEST(InShare, RoutesAndServicesDrawApart) {
  unsigned both_routes = 0;
  unsigned both_seeds = 0;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const shared::IpAddress client = shared::IpAddress::v4(0x0A000000 + i);
    const bool first = in_share(1, "a", client, 0.1);
    both_routes += first && in_share(1, "b", client, 0.1) ? 1 : 0;
    both_seeds += first && in_share(2, "a", client, 0.1) ? 1 : 0;
  }
  EXPECT_NEAR(both_routes, 100, 60);
  EXPECT_NEAR(both_seeds, 100, 60);
}

// An IPv6 client may change the lower half of its address; another network is another client.
TEST(InShare, OfIpv6GoesByTheNetworkOf64Bits) {
  const auto inside = [](unsigned network, const std::string& host) {
    const std::string text = "2001:db8:" + std::to_string(network / 100) + ":" + std::to_string(network % 100) + host;
    return in_share(42, "canary", *shared::IpAddress::parse(text), 0.5);
  };
  unsigned count = 0;
  for (unsigned network = 0; network < 1000; ++network) {
    const bool first = inside(network, "::1");
    count += first ? 1 : 0;
    for (const char* host : {"::2", "::ffff:1", ":8000::", ":ffff:ffff:ffff:ffff"}) {
      ASSERT_EQ(inside(network, host), first) << network << host;
    }
  }
  EXPECT_NEAR(count, 500, 60);
}

TEST(Conditions, ACookieDividesClientsWhereverTheyComeFrom) {
  Route route;
  route.name = "canary";
  route.conditions.share = 0.3;
  route.conditions.share_cookie = "ab";
  const auto holds = [&](const std::string& cookie, std::string_view client, NewVisitor& visitor) {
    const std::string text = "GET / HTTP/1.1\r\nHost: x\r\n" + cookie + "\r\n";
    const http::RequestHead head = http::testing::request(text);
    RequestInfo info{"x", "/", http::Method::get, TierId{}, *shared::IpAddress::parse(client), head.fields, ""};
    info.visitor = &visitor;
    return failed_condition(route, info, 1).empty();
  };
  int inside = 0;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    NewVisitor visitor;
    visitor.draw(n * 0x9E3779B97F4A7C15ULL);
    const bool first = holds("", "192.0.2.1", visitor);
    ASSERT_EQ(visitor.cookies().size(), 1U);
    const NewVisitor::Id id = visitor.id();
    NewVisitor known;
    known.draw(7);
    EXPECT_EQ(holds("Cookie: ab=" + std::string(id.data(), id.size()) + "\r\n", "198.51.100.9", known), first);
    EXPECT_TRUE(known.cookies().empty()) << "who has one keeps it";
    inside += first ? 1 : 0;
  }
  EXPECT_NEAR(inside, 600, 80);
  NewVisitor visitor;
  static_cast<void>(holds("Cookie: ab=" + std::string(65, 'x') + "\r\n", "192.0.2.1", visitor));
  EXPECT_EQ(visitor.cookies().size(), 1U) << "that is none of ours";
}

}  // namespace
}  // namespace edge::conditions_test
