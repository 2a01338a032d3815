#include "edge/load/build_gates.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/edge/load/load.h"
#include "tests/support/paths.h"

namespace edge::build_gates_test {
namespace {

using testing::Loaded;
using testing::with_regions;

std::vector<std::string> names(const Gate* gate) {
  std::vector<std::string> all;
  if (gate != nullptr) {
    for (const auto& list : gate->access) all.push_back(list->name());
  }
  return all;
}

TEST(BuildGates, ARouteHasTheListsOfAllOfItsHostAndItsOwn) {
  Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  access:\n    own: {allow: [192.0.2.0/24]}\n    host: {deny: [192.0.2.1], hosts: shop.example}\n"
                   "    all: {deny: [192.0.2.2], everywhere: true}\n"
                   "  routes: [{host: shop.example, path: /a, pool: web, access: own}, {path: /b, pool: web}]\n"));
  ASSERT_EQ(loaded.diagnostics.render(), "");
  AccessLives lives;
  const auto lists = build_access(loaded.edge, lives, loaded.diagnostics);
  const AuthPolicies nobody;
  const HeaderRules rules;
  const GateInputs inputs{loaded.edge, *lists, nobody, rules};
  EXPECT_EQ(names(build_gate(loaded.edge.routes[0], inputs).get()), (std::vector<std::string>{"own", "host", "all"}));
  EXPECT_EQ(names(build_gate(loaded.edge.routes[1], inputs).get()), std::vector<std::string>{"all"});
  const auto stranger = *shared::IpAddress::parse("198.51.100.1");
  EXPECT_FALSE((*lists)[0]->allows(stranger));
  EXPECT_TRUE((*lists)[1]->allows(stranger));
}

TEST(BuildGates, ARouteWithoutAnyHasNone) {
  Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  routes: [{path: /, pool: web}]\n"));
  AccessLives lives;
  const auto lists = build_access(loaded.edge, lives, loaded.diagnostics);
  const AuthPolicies nobody;
  const HeaderRules rules;
  EXPECT_EQ(build_gate(loaded.edge.routes[0], {loaded.edge, *lists, nobody, rules}), nullptr);
}

TEST(BuildGates, AListWhoseFileIsNotThereIsAnError) {
  Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  access: {a: {deny: [{file: /nonexistent/list}], everywhere: true}}\n"
                   "  routes: [{path: /, pool: web}]\n"));
  AccessLives lives;
  const auto lists = build_access(loaded.edge, lives, loaded.diagnostics);
  EXPECT_NE(loaded.diagnostics.render().find("test.yaml:"), std::string::npos);
  EXPECT_NE(loaded.diagnostics.render().find("cannot read the networks in /nonexistent/list"), std::string::npos);
}

std::string countries_list(const std::string& list, const std::string& file) {
  return with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n" +
                      (file.empty() ? std::string() : "  geo_database: " + file + "\n") + "  access: {c: {" + list +
                      ", everywhere: true}}\n  routes: [{path: /, pool: web}]\n");
}

TEST(BuildGates, AListMayNameCountries) {
  const std::string file = ::test::build_file("geo/city-28.mmdb").string();
  Loaded loaded(countries_list("allow: [{country: GB}, 192.0.2.0/24], deny: [129.67.1.2/32]", file));
  ASSERT_EQ(loaded.diagnostics.render(), "");
  AccessLives lives;
  const auto lists = build_access(loaded.edge, lives, loaded.diagnostics);
  ASSERT_EQ(loaded.diagnostics.render(), "");
  const auto allows = [&](std::string_view text) { return (*lists)[0]->allows(*shared::IpAddress::parse(text)); };
  EXPECT_TRUE(allows("129.67.1.1"));
  EXPECT_TRUE(allows("192.0.2.7"));
  EXPECT_FALSE(allows("129.67.1.2")) << "a network of the list is more specific than the country's";
  EXPECT_FALSE(allows("128.32.1.7"));
}

TEST(BuildGates, ACountryThatNobodyKnowsIsAnError) {
  const std::string file = ::test::build_file("geo/city-28.mmdb").string();
  const auto said = [](const std::string& list, const std::string& database) {
    Loaded loaded(countries_list(list, database));
    AccessLives lives;
    static_cast<void>(build_access(loaded.edge, lives, loaded.diagnostics));
    return loaded.diagnostics.render();
  };
  EXPECT_NE(said("deny: [{country: XX}]", file).find("has no network of it"), std::string::npos);
  EXPECT_NE(said("deny: [{country: gb}]", file).find("two capital letters"), std::string::npos);
  EXPECT_NE(said("deny: [{country: GB}]", "").find("edge.geo_database"), std::string::npos);
  EXPECT_NE(said("deny: [{country: GB}]", "/nonexistent.mmdb").find("cannot read it"), std::string::npos);
}

}  // namespace
}  // namespace edge::build_gates_test
