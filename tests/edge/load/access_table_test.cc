#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::access_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

Loaded load(const std::string& lists, const std::string& route = "") {
  return Loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  access: {" +
                   lists + "}\n  routes: [{host: shop.example, path: /, pool: web" + route + "}]\n"));
}

bool complains(const std::string& lists, const std::string& of, const std::string& route = "") {
  return load(lists, route).diagnostics.render().find(of) != std::string::npos;
}

TEST(AccessTable, ReadsEveryOption) {
  const Loaded loaded = load(
      "office: {allow: [203.0.113.0/24, {file: office.txt}], deny: [203.0.113.7], mode: shadow}, "
      "all: {deny: [{file: bad.txt}], everywhere: true}, shop: {deny: [192.0.2.1], hosts: shop.example}",
      ", access: [office]");
  EXPECT_EQ(loaded.diagnostics.render(), "");
  ASSERT_EQ(loaded.edge.access.size(), 3U);
  const AccessConfig& office = loaded.edge.access[0].value;
  ASSERT_EQ(office.allow.size(), 2U);
  EXPECT_EQ(office.allow[0].prefix->to_string(), "203.0.113.0/24");
  EXPECT_EQ(office.allow[1].file.value.filename(), "office.txt");
  EXPECT_EQ(office.deny.size(), 1U);
  EXPECT_EQ(office.mode, shared::Mode::shadow);
  EXPECT_TRUE(loaded.edge.access[1].value.everywhere);
  EXPECT_EQ(loaded.edge.access[2].value.hosts[0].value, "shop.example");
  EXPECT_EQ(loaded.edge.routes[0].access[0].value, "office");
}

TEST(AccessTable, SaysWhatIsWrong) {
  EXPECT_TRUE(complains("a: {}", "networks under allow, deny or both"));
  EXPECT_TRUE(complains("a: {allow: []}", "lets nobody in"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1/24]}", "192.0.2.0/24"));
  EXPECT_TRUE(complains("a: {deny: [{fil: x}]}", "fil"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1]}", "used by no route"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1]}", "unknown access list 'b'", ", access: b"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1]}", "stands twice", ", access: [a, a]"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1], everywhere: true}", "everywhere already", ", access: a"));
  EXPECT_TRUE(complains("a: {deny: [192.0.2.1], hosts: [other.example]}", "no route has host 'other.example'"));
}

}  // namespace
}  // namespace edge::access_table_test
