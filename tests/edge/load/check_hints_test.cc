#include "edge/load/check_hints.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_hints_test {
namespace {

using testing::Loaded;
using testing::with_regions;

std::string told_of(const std::string& more, const std::string& route) {
  const bool cached = route.find("cache:") != std::string::npos;
  const Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n" +
                   std::string(cached ? "  caches: {main: {}}\n" : "") + more + "  routes:\n    - {path: /, pool: web" +
                   route + "}\n"));
  EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  return loaded.diagnostics.render();
}

TEST(CheckHints, NetworksOfEverybodyAreHardlyMeant) {
  EXPECT_NE(told_of("  explain_to: [10.0.0.0/8, 0.0.0.0/0]\n", "").find("explain_to: everybody is told"),
            std::string::npos);
  EXPECT_NE(told_of("  trusted_proxies: [\"::/0\"]\n", "").find("trusted_proxies: everybody is believed"),
            std::string::npos);
  EXPECT_EQ(told_of("  explain_to: [10.0.0.0/8]\n  trusted_proxies: [10.0.0.0/8]\n", ""), "");
}

TEST(CheckHints, ACacheTellsApartWhomItsRouteDoes) {
  const std::string limits =
      "  limits:\n    own: {rate: 1/s, key: [client, {header: X-Tenant}]}\n"
      "    all: {rate: 1/s, key: [{cookie: id}], everywhere: true}\n    each: {rate: 9/s, everywhere: true}\n";
  const std::string told = told_of(limits, ", limits: [own], cache: {store: main}");
  EXPECT_NE(told.find("limit 'own' counts by the header X-Tenant, which key does not name"), std::string::npos) << told;
  EXPECT_NE(told.find("limit 'all' counts by the cookie id"), std::string::npos) << told;
  EXPECT_NE(told.find("key: [{header: X-Tenant}], or have servers say Vary: X-Tenant"), std::string::npos) << told;
  EXPECT_EQ(told_of(limits, ", limits: [own], cache: {store: main, key: [{header: x-tenant}, {cookie: id}]}"), "");
  EXPECT_EQ(told_of(limits, ", limits: [own]"), "") << "without a cache nobody gets what is another's";
}

TEST(CheckHints, AConditionWithAnyValueTellsNobodyApart) {
  EXPECT_NE(told_of("", ", header: {X-Tenant: \"*\"}, cache: {store: main}").find("whoever has the header X-Tenant"),
            std::string::npos);
  EXPECT_EQ(told_of("", ", header: {X-Tenant: \"1\"}, cache: {store: main}"), "") << "the route is a part of the key";
}

}  // namespace
}  // namespace edge::check_hints_test
