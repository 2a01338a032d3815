#include "edge/core/route/route.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/shared/http/parse.h"

namespace edge::route_test {
namespace {

Route route(std::string name, std::string host, std::string path) {
  Route route;
  route.name = std::move(name);
  route.host = std::move(host);
  route.path = std::move(path);
  return route;
}

constexpr TierId kFree{0};
constexpr TierId kEnterprise{1};

struct Asked {
  std::string host = "shop.example";
  std::string path = "/";
  TierId tier = kFree;
  http::Method method = http::Method::get;
  std::string fields = "";
  std::string client = "203.0.113.7";
  std::string kept = "";
};

std::string matched(const RouteTable& table, const Asked& asked) {
  const std::string text = "GET / HTTP/1.1\r\n" + asked.fields + "\r\n";
  const http::RequestHead head = http::testing::request(text);
  TargetScratch scratch;
  shared::NullTrace trace;
  const RequestInfo info{asked.host,  asked.path, asked.method, asked.tier, *shared::IpAddress::parse(asked.client),
                         head.fields, asked.kept};
  const http::Checked<const Route*> found = match(table, info, scratch, trace);
  return found ? (*found)->name : std::to_string(found.error().status);
}

// The scenario's routes: /api/ beats a tier rule on /.
RouteTable shop() {
  std::vector<Route> routes{route("reports", "", "/api/reports/"), route("api", "", "/api/"),
                            route("admin", "", "/admin/"), route("enterprise", "", "/"), route("web", "", "/")};
  routes[3].conditions.tiers = 1U << static_cast<unsigned>(kEnterprise);
  return RouteTable(std::move(routes), 1);
}

// What decide() fetches ahead, before it knows the route: few, each once, and none that is disabled.
TEST(Route, NotesTheLimitsThatAreWorthFetchingAhead) {
  LimitLives lives;
  const auto limit = [&](const std::string& name, shared::Mode mode, std::uint32_t keys) {
    RateLimitSettings settings{.name = name, .mode = mode, .rate = 1, .keys = keys};
    auto live = lives.of(settings);
    return std::make_shared<const RateLimit>(std::move(settings), std::move(live), 1);
  };
  using shared::Mode;
  const auto everywhere = limit("everywhere", Mode::enforce, 100'000);
  const auto watched = limit("watched", Mode::shadow, 100'000);
  std::vector<Route> routes{route("a", "", "/a"), route("b", "", "/b")};
  routes[0].limits = {everywhere, limit("small", Mode::enforce, 1024), limit("off", Mode::disabled, 100'000)};
  routes[1].limits = {everywhere, watched};
  const RouteTable two(routes, 1);
  ASSERT_EQ(two.far_limits().size(), 2U);
  EXPECT_EQ(two.far_limits()[0], everywhere.get());
  EXPECT_EQ(two.far_limits()[1], watched.get());
  for (int i = 0; i < 9; ++i) routes[1].limits.push_back(limit("l" + std::to_string(i), Mode::enforce, 100'000));
  EXPECT_EQ(RouteTable(routes, 1).far_limits().size(), 4U);
}

struct PathCase {
  std::string path;
  std::string route;
};

TEST(Route, LongestPrefixAtSegmentBorders) {
  const RouteTable table = shop();
  for (const PathCase& row : std::vector<PathCase>{
           {"/", "web"},
           {"/api", "api"},
           {"/api/", "api"},
           {"/api/x", "api"},
           {"/apiary", "web"},
           {"/api/reports", "reports"},
           {"/api/reports/2", "reports"},
           {"/api/reportsx", "api"},
           {"/admin", "admin"},
           {"/x/admin", "web"},
           {"*", "web"},
       }) {
    EXPECT_EQ(matched(table, {.path = row.path}), row.route) << row.path;
  }
  EXPECT_EQ(matched(table, {.path = "/", .tier = kEnterprise}), "enterprise");
  EXPECT_EQ(matched(table, {.path = "/x", .tier = kEnterprise}), "enterprise");
  EXPECT_EQ(matched(table, {.path = "/api/x", .tier = kEnterprise}), "api");
}

TEST(Route, ADecodedTwinOfAnotherRouteIsRefused) {
  const RouteTable table = shop();
  for (const PathCase& row : std::vector<PathCase>{
           {"/api/..%2fadmin", "400"},
           {"/api%2f..%2fadmin", "400"},
           {"/api%2freports", "400"},
           {"/api/..%252fadmin", "400"},
           {"/api/..%25252fadmin", "400"},
           {"/api/..%2525252fadmin", "400"},  // escaped too many times to be anybody's name
           {"/admin%2f", "400"},
           {"/admin%3bx=1/secret", "400"},
           {"/files/a%2fb", "web"},
           {"/files/100%25", "web"},
           {"/api/a%2fb%3Fc", "api"},
           {"/admin/a%20b", "admin"},
           {"/x;v=1/y", "web"},
       }) {
    EXPECT_EQ(matched(table, {.path = row.path}), row.route) << row.path;
  }
}

// As servers read them that know of parameters, and as those read them that match prefixes of text.
TEST(Route, ParametersAreNoPartOfTheMatch) {
  const RouteTable table = shop();
  for (const PathCase& row : std::vector<PathCase>{
           {"/admin;jsessionid=1", "admin"},
           {"/admin;x=1/secret", "admin"},
           {"/api/reports;v=1;w", "reports"},
           {"/api;v=1/reports/2", "reports"},
           {"/;x/y", "web"},
           {"/;x/admin", "admin"},
           {"/api/;x/reports", "reports"},
           {"/api;v=1%2freports", "400"},
       }) {
    EXPECT_EQ(matched(table, {.path = row.path}), row.route) << row.path;
  }
}

TEST(Route, EmptySegmentsMayNotLeadElsewhere) {
  const RouteTable table = shop();
  const struct {
    std::string path;
    std::string kept;
    std::string route;
  } cases[] = {
      {"/fetch/https:/x", "/fetch/https://x", "web"},
      {"/api/x/y", "/api/x//y", "api"},
      {"/api/x/", "/api//x//", "api"},
      {"/admin", "//admin", "admin"},
      {"/api/reports/1", "/api//reports/1", "reports"},
      {"/b", "/api/b", "400"},  // "/api//../b"
      {"/reports", "/api/reports", "400"},
      {"/x/b", "/y/b", "web"},
      {"/admin/c", "/api//c", "400"},
      {"/x/%2fa", "/x//%2fa", "web"},
      {"/api;v=1/x", "/api;v=1//x", "api"},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(matched(table, {.path = row.path, .kept = row.kept}), row.route) << row.kept;
  }
  EXPECT_EQ(matched(table, {.path = "/admin"}), "admin") << "forwarded merged";
  const RouteTable exact({route("login", "", "=/login"), route("rest", "", "/")}, 1);
  EXPECT_EQ(matched(exact, {.path = "/login", .kept = "//login"}), "400");
}

// A server that decodes %2F may resolve `..` with the empty segment before it or without.
TEST(Route, ATwinIsReadWithItsEmptySegmentsToo) {
  const RouteTable table({route("inner", "", "/a/inner"), route("rest", "", "/")}, 1);
  EXPECT_EQ(matched(table, {.path = "/a/%2f../inner"}), "400");
  EXPECT_EQ(matched(table, {.path = "/a/%2f../other"}), "rest");
}

// "/api/..%2fadm//../c": merged, `..` takes the escape away; as it is forwarded it stays, and leads to /adm/c.
TEST(Route, AnEscapeThatOnlyTheForwardedFormHasIsReadToo) {
  const RouteTable table({route("api", "", "/api/"), route("rest", "", "/")}, 1);
  EXPECT_EQ(matched(table, {.path = "/api/c", .kept = "/api/..%2fadm/c"}), "400");
  EXPECT_EQ(matched(table, {.path = "/api/c", .kept = "/api/x%2fadm/c"}), "api");
}

TEST(Route, ExactBeatsPrefixAndKeepsItsSlash) {
  const RouteTable table(
      {route("prefix", "", "/x/"), route("exact", "", "=/x"), route("root", "", "=/"), route("any", "", "/")}, 1);
  EXPECT_EQ(matched(table, {.path = "/x"}), "exact");
  EXPECT_EQ(matched(table, {.path = "/x/"}), "prefix");
  EXPECT_EQ(matched(table, {.path = "/"}), "root");
  EXPECT_EQ(matched(table, {.path = "/y"}), "any");
}

TEST(Route, HostExactThenLongestWildcardThenAny) {
  const RouteTable table({route("any", "", "/"), route("wild", "*.example", "/"), route("deep", "*.shop.example", "/"),
                          route("exact", "shop.example", "/x"), route("wild-x", "*.example", "/x")},
                         1);
  EXPECT_EQ(matched(table, {.host = "shop.example", .path = "/x"}), "exact");
  EXPECT_EQ(matched(table, {.host = "shop.example", .path = "/y"}), "wild") << "no route there: the next host";
  EXPECT_EQ(matched(table, {.host = "a.shop.example", .path = "/x"}), "deep");
  EXPECT_EQ(matched(table, {.host = "a.b.shop.example"}), "deep");
  EXPECT_EQ(matched(table, {.host = "other.example", .path = "/x"}), "wild-x");
  EXPECT_EQ(matched(table, {.host = "example"}), "any");
  EXPECT_EQ(matched(table, {.host = ""}), "any");
  const RouteTable only({route("exact", "shop.example", "/")}, 1);
  EXPECT_EQ(matched(only, {.host = "other.example"}), "404");
}

TEST(Route, AmongEqualsTheFirstWhoseConditionsHold) {
  std::vector<Route> routes{route("post", "", "/"), route("beta", "", "/"), route("cookie", "", "/"),
                            route("rest", "", "/")};
  routes[0].conditions.methods = 1U << static_cast<unsigned>(http::Method::post);
  routes[1].conditions.headers = {{"X-Beta", "1", http::FieldId::other}};
  routes[2].conditions.cookies = {{"canary", std::nullopt, http::FieldId::other}};
  const RouteTable table(std::move(routes), 1);
  EXPECT_EQ(matched(table, {.method = http::Method::post, .fields = "X-Beta: 1\r\n"}), "post");
  EXPECT_EQ(matched(table, {.fields = "x-beta: 1\r\n"}), "beta");
  EXPECT_EQ(matched(table, {.fields = "X-Beta: 2\r\nX-Beta: 1\r\n"}), "beta");
  EXPECT_EQ(matched(table, {.fields = "X-Beta: 2\r\n"}), "rest");
  EXPECT_EQ(matched(table, {.fields = "X-Alpha: 1\r\n"}), "rest") << "another field with that value";
  EXPECT_EQ(matched(table, {.fields = "X-Alpha: 1\r\nX-Beta: 1\r\n"}), "beta");
  EXPECT_EQ(matched(table, {.fields = "Cookie: a=b; canary=; c=d\r\n"}), "cookie");
  EXPECT_EQ(matched(table, {.fields = "Cookie: a=canary=1; xcanary=1\r\n"}), "rest");
}

TEST(Route, IfNoneHoldsTheNextShorterPrefix) {
  std::vector<Route> routes{route("deep", "", "/a/b"), route("mid", "", "/a"), route("root", "", "/")};
  routes[0].conditions.methods = routes[1].conditions.methods = 1U << static_cast<unsigned>(http::Method::post);
  const RouteTable table(std::move(routes), 1);
  EXPECT_EQ(matched(table, {.path = "/a/b/c"}), "root");
  EXPECT_EQ(matched(table, {.path = "/a/b/c", .method = http::Method::post}), "deep");
}

TEST(Route, ShareIsStableAndOfItsSize) {
  std::vector<Route> routes{route("canary", "", "/"), route("rest", "", "/")};
  routes[0].conditions.share = 0.1;
  const RouteTable table(std::move(routes), 42);
  unsigned canary = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    const std::string client = shared::IpAddress::v4(0x0A000000 + i * 7).to_string();
    const std::string first = matched(table, {.client = client});
    if (i < 100) {
      EXPECT_EQ(first, matched(table, {.client = client}));
    }
    canary += first == "canary" ? 1 : 0;
  }
  EXPECT_NEAR(canary, 2000, 200);
}

TEST(Route, TenThousandRoutesAreFoundEach) {
  std::vector<Route> routes;
  for (int i = 0; i < 10000; ++i) {
    const std::string n = std::to_string(i);
    routes.push_back(route(n, "h" + std::to_string(i % 100) + ".example", "/p" + n + "/q"));
  }
  const RouteTable table(std::move(routes), 1);
  for (int i = 0; i < 10000; i += 7) {
    const std::string n = std::to_string(i);
    EXPECT_EQ(matched(table, {.host = "h" + std::to_string(i % 100) + ".example", .path = "/p" + n + "/q/r"}), n);
  }
  EXPECT_EQ(matched(table, {.host = "h0.example", .path = "/p1/q"}), "404");
}

TEST(Route, TraceSaysWhatWasSkippedAndWhy) {
  const RouteTable table = shop();
  const http::RequestHead head = http::testing::request("GET / HTTP/1.1\r\n\r\n");
  shared::RecordingTrace trace;
  const RequestInfo info{"a", "/", http::Method::get, kFree, {}, head.fields};
  ASSERT_NE(table.find(info, trace), nullptr);
  ASSERT_EQ(trace.lines().size(), 2u);
  EXPECT_EQ(trace.lines()[0].text, "enterprise: tier does not hold");
  EXPECT_EQ(trace.lines()[1].topic, "route");
  EXPECT_EQ(trace.lines()[1].text, "web");
}

TEST(Route, AllowListsAreOfNetworks) {
  Route office = route("office", "", "/");
  EXPECT_TRUE(office.allows(*shared::IpAddress::parse("192.0.2.1")));
  const std::vector<shared::Prefix> networks{*shared::Prefix::parse("203.0.113.0/24"),
                                             *shared::Prefix::parse("2001:db8::/32")};
  office.allow = PrefixSet(networks);
  EXPECT_TRUE(office.allows(*shared::IpAddress::parse("203.0.113.255")));
  EXPECT_TRUE(office.allows(*shared::IpAddress::parse("::ffff:203.0.113.9")));
  EXPECT_TRUE(office.allows(*shared::IpAddress::parse("2001:db8:ffff::1")));
  EXPECT_FALSE(office.allows(*shared::IpAddress::parse("203.0.114.0")));
  EXPECT_FALSE(office.allows(*shared::IpAddress::parse("2001:db9::1")));
}

TEST(Redirect, FillsItsPlaceholdersOnce) {
  RequestTarget target;
  target.host = "shop.example";
  target.path = target.kept = "/a/{host}";
  target.query = "?b={uri}";
  EXPECT_EQ(redirect_location({301, "https://{host}{uri}"}, target), "https://shop.example/a/{host}?b={uri}");
  EXPECT_EQ(redirect_location({301, "/new{path}#x"}, target), "/new/a/{host}#x");
  target.path = "/evil.example/x";
  target.kept = "//evil.example/x";
  EXPECT_EQ(redirect_location({301, "https://{host}{uri}"}, target), "https://shop.example//evil.example/x?b={uri}");
  EXPECT_EQ(redirect_location({301, "{path}"}, target), "/evil.example/x") << "no other host";
  target.host = "2001:db8::1";
  EXPECT_EQ(redirect_location({301, "https://{host}/"}, target), "https://[2001:db8::1]/");
  target.path = target.kept = "*";
  target.query = {};
  EXPECT_EQ(redirect_location({301, "https://shop.example{uri}"}, target), "https://shop.example/") << "OPTIONS *";
}

}  // namespace
}  // namespace edge::route_test
