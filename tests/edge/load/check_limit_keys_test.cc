#include "edge/load/check_limit_keys.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_limit_keys_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// What is said of a service with these limits and policies, of which the route names some.
std::string told_of(const std::string& limits, const std::string& route, const std::string& auth = "") {
  const Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n  limits: {" +
                   limits + "}\n" + (auth.empty() ? "" : "  auth: {" + auth + "}\n") +
                   "  routes:\n    - {path: /, pool: web, " + route + "}\n"));
  return loaded.diagnostics.render();
}

std::string keyed(const std::string& name, const std::string& key, const std::string& more = "") {
  return name + ": {rate: 1/s, key: " + key + more + "}";
}

TEST(CheckLimitKeys, WhatAClientMakesUpIsToldWithARemedy) {
  const std::string told = told_of(keyed("own", "[api_key, route]"), "limits: [own]");
  EXPECT_NE(told.find("limit 'own' counts by an API key, and nothing on route '/' says that it is not made up"),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("give the route auth, or one more limit with key: client"), std::string::npos) << told;
  EXPECT_NE(told_of(keyed("own", "{header: X-Tenant}"), "limits: [own]").find("counts by the header X-Tenant"),
            std::string::npos);
  EXPECT_NE(told_of(keyed("own", "[client, {cookie: id}]", ", everywhere: true"), "name: a").find("by the cookie id"),
            std::string::npos)
      << "of one client, too, each combination counts apart";
}

TEST(CheckLimitKeys, AHostIsMadeUpWhereTheRouteTakesAny) {
  const std::string told = "counts by the host, and nothing on route";
  EXPECT_NE(told_of(keyed("own", "[client, host]"), "limits: [own]").find(told), std::string::npos);
  EXPECT_NE(told_of(keyed("own", "host"), "host: \"*.example.com\", limits: [own]").find(told), std::string::npos);
  EXPECT_EQ(told_of(keyed("own", "host"), "host: www.example.com, limits: [own]").find(told), std::string::npos);
}

// A file of keys is not looked at before the rest is right.
TEST(CheckLimitKeys, AClaimWantsAPolicyThatVerifiesTokens) {
  const std::string told = "counts by the claim sub, and no policy of route '/' verifies tokens";
  const std::string jwt = "tokens: {jwt: {keys: /nowhere.jwks}}, keys: {api_keys: /nowhere}";
  EXPECT_NE(told_of(keyed("own", "{claim: sub}"), "limits: [own]").find(told), std::string::npos);
  EXPECT_NE(told_of(keyed("own", "{claim: sub}"), "limits: [own], auth: keys", jwt).find(told), std::string::npos);
  EXPECT_EQ(told_of(keyed("own", "{claim: sub}"), "limits: [own], auth: tokens", jwt).find(told), std::string::npos);
  EXPECT_EQ(told_of(keyed("own", "{claim: sub}", ", everywhere: true"), "name: a").find(told), std::string::npos);
}

TEST(CheckLimitKeys, WhatIsVerifiedOrHeldByAnotherLimitIsNot) {
  const std::string sound = "never refused";
  EXPECT_EQ(told_of(keyed("own", "client"), "limits: [own]").find(sound), std::string::npos);
  EXPECT_EQ(told_of(keyed("own", "api_key") + ", all: {rate: 9/s}", "limits: [own, all]").find(sound),
            std::string::npos);
  EXPECT_EQ(told_of(keyed("own", "api_key", ", mode: shadow"), "limits: [own]").find(sound), std::string::npos);
  EXPECT_NE(told_of(keyed("own", "api_key") + ", all: {rate: 9/s, mode: shadow}", "limits: [own, all]").find(sound),
            std::string::npos)
      << "one in shadow holds nobody";
  const std::string people = "people: {jwt: {keys: /nowhere.json}";
  EXPECT_EQ(told_of(keyed("own", "api_key"), "limits: [own], auth: people", people + "}").find(sound),
            std::string::npos);
  EXPECT_NE(told_of(keyed("own", "api_key"), "limits: [own], auth: people", people + ", mode: shadow}").find(sound),
            std::string::npos);
  EXPECT_NE(told_of(keyed("own", "{header: X-Tenant}"), "limits: [own], auth: people", people + "}").find(sound),
            std::string::npos)
      << "who is known may make up a header all the same";
}

}  // namespace
}  // namespace edge::check_limit_keys_test
