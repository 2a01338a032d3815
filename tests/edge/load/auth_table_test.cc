#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::auth_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

Loaded load(const std::string& auth, const std::string& route = "", const std::string& edge = "") {
  return Loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  auth: {" +
                   auth + "}\n" + edge + "  routes: [{path: /, pool: web" + route + "}]\n"));
}

bool complains(const std::string& auth, const std::string& of, const std::string& route = "") {
  return load(auth, route).diagnostics.render().find(of) != std::string::npos;
}

TEST(AuthTable, ReadsEveryOption) {
  const Loaded loaded = load(
      "staff: {passwords: users.txt, realm: The Staff, user_field: X-Auth-User, mode: shadow}, partners: {api_keys: "
      "keys.txt}, people: {jwt: {keys: jwks.json, issuer: \"https://id\", audience: [shop], leeway: 10s, fields: {sub: "
      "X-User}, tier: plan}}",
      ", auth: [staff, partners, people], cors: {origins: [\"https://a.example\"], methods: [GET, PUT], headers: X-A, "
      "expose: [X-B], credentials: true, max_age: 1h}",
      "  trace: {sample: 5%}\n  tiers: {order: [free], from: []}\n");
  EXPECT_EQ(loaded.diagnostics.render(), "");
  ASSERT_EQ(loaded.edge.auth.size(), 3U);
  const AuthConfig& staff = loaded.edge.auth[0].value;
  EXPECT_EQ(staff.passwords.value.filename(), "users.txt");
  EXPECT_EQ(staff.realm, "The Staff");
  EXPECT_EQ(staff.user_field, "X-Auth-User");
  EXPECT_EQ(staff.mode, shared::Mode::shadow);
  EXPECT_EQ(loaded.edge.auth[1].value.api_keys.value.filename(), "keys.txt");
  const JwtConfig& jwt = *loaded.edge.auth[2].value.jwt;
  EXPECT_EQ(jwt.issuer, "https://id");
  EXPECT_EQ(jwt.audiences[0], "shop");
  EXPECT_EQ(jwt.leeway, std::chrono::seconds(10));
  EXPECT_EQ(jwt.fields[0].claim, "sub");
  EXPECT_EQ(jwt.fields[0].field, "X-User");
  EXPECT_EQ(jwt.tier, "plan");
  const CorsConfig& cors = *loaded.edge.routes[0].cors;
  EXPECT_EQ(cors.methods.size(), 2U);
  EXPECT_EQ(cors.headers[0], "X-A");
  EXPECT_TRUE(cors.credentials);
  EXPECT_DOUBLE_EQ(loaded.edge.trace->sample, 5);
}

TEST(AuthTable, SaysWhatIsWrong) {
  EXPECT_TRUE(complains("a: {}", "exactly one of passwords, api_keys and jwt"));
  EXPECT_TRUE(complains("a: {passwords: x, api_keys: y}", "exactly one of"));
  EXPECT_TRUE(complains("a: {passwords: x, realm: 'a\"b'}", "without quotes"));
  EXPECT_TRUE(complains("a: {passwords: x, user_field: Host}", "no other meaning"));
  EXPECT_TRUE(complains("a: {jwt: {}}", "keys"));
  EXPECT_TRUE(complains("a: {jwt: {keys: x, fields: {sub: Cookie}}}", "no other meaning"));
  EXPECT_TRUE(complains("a: {jwt: {keys: x, tier: plan}}", "has no tiers", ", auth: a"));
  EXPECT_TRUE(complains("a: {passwords: x}", "used by no route"));
  EXPECT_TRUE(complains("a: {passwords: x}", "unknown auth policy 'b'", ", auth: b"));
  EXPECT_TRUE(complains("", "there must be at least one", ", cors: {origins: []}"));
  EXPECT_TRUE(complains("", "name the origins", ", cors: {origins: '*', credentials: true}"));
  EXPECT_TRUE(complains("", "an origin is wanted", ", cors: {origins: a.example}"));
  EXPECT_TRUE(complains("", "an origin is wanted", ", cors: {origins: \"https://a.example/\"}"));
}

}  // namespace
}  // namespace edge::auth_table_test
