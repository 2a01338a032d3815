#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::gate_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

Loaded load(const std::string& route, const std::string& edge = "") {
  return Loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n" +
                             edge + "  routes: [{path: /api, pool: web, " + route + "}]\n"));
}

bool complains(const std::string& route, const std::string& of, const std::string& edge = "") {
  return load(route, edge).diagnostics.render().find(of) != std::string::npos;
}

TEST(GateTable, ReadsEveryOption) {
  const Loaded loaded = load(
      "maintenance: {bypass: [10.0.0.0/8], retry_after: 10m, mode: shadow}, max_body: 64KiB, security_headers: strict, "
      "rewrite: [{from: \"/api/{x}\", to: \"/v2/{x}\"}, {strip: /api, add: /v1}], "
      "query: {set: {v: \"2\"}, add: {w: x y}, remove: [utm_source]}, "
      "error_pages: [{status: [404, 500-599], file: e.html, content_type: text/plain}, {status: 503, file: e.html, "
      "for_servers: true}]",
      "  maintenance: {}\n  security_headers: basic\n  error_pages: [{status: 403, file: f.html}]\n");
  EXPECT_EQ(loaded.diagnostics.render(), "");
  const RouteConfig& route = loaded.edge.routes[0];
  EXPECT_EQ(route.maintenance->bypass.size(), 1U);
  EXPECT_EQ(route.maintenance->retry_after, std::chrono::minutes(10));
  EXPECT_EQ(route.maintenance->mode, shared::Mode::shadow);
  EXPECT_EQ(loaded.edge.maintenance->retry_after, std::chrono::seconds(300));
  EXPECT_FALSE(route.error_pages[0].for_servers);
  EXPECT_TRUE(route.error_pages[1].for_servers);
  EXPECT_EQ(route.max_body, 65536U);
  EXPECT_EQ(route.security_headers, SecurityHeaders::strict);
  EXPECT_EQ(loaded.edge.security_headers, SecurityHeaders::basic);
  ASSERT_EQ(route.rewrite.size(), 2U);
  EXPECT_EQ(route.rewrite[1].rule()->text(), "/api/{rest*} -> /v1/{rest}");
  ASSERT_EQ(route.query.rules.size(), 3U);
  EXPECT_EQ(route.query.rules[0].op, QueryRule::Op::remove);
  EXPECT_EQ(route.query.rules[2].value, "x y");
  EXPECT_EQ(route.error_pages[0].statuses.size(), 2U);
  EXPECT_EQ(loaded.edge.error_pages[0].file.value.filename(), "f.html");
}

TEST(GateTable, SaysWhatIsWrong) {
  EXPECT_TRUE(
      complains("error_pages: [{status: 404, file: e.html, for_servers: true}]", "for_servers: what servers say"));
  EXPECT_TRUE(complains("share_cookie: ab", "share_cookie has no effect without `share`"));
  EXPECT_TRUE(complains("rewrite: {}", "write `from` and `to`"));
  EXPECT_TRUE(complains("rewrite: {from: /a}", "write `from` and `to`"));
  EXPECT_TRUE(complains("rewrite: {from: /a, to: /b, strip: /c}", "write `from` and `to`"));
  EXPECT_TRUE(complains("rewrite: {from: /a, to: \"/{b}\"}", "no {b} in from"));
  EXPECT_TRUE(complains("rewrite: {strip: \"=/a\"}", "does not begin with '/'"));
  EXPECT_TRUE(complains("error_pages: [{status: 200, file: x}]", "errors are 400 to 599"));
  EXPECT_TRUE(complains("query: {del: [x]}", "del"));
  EXPECT_TRUE(complains("query: {set: [x]}", "a map"));
  EXPECT_TRUE(complains("security_headers: all", "strict"));
  const Loaded files(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n"
                   "  routes: [{path: /a, files: {root: /srv}, rewrite: {strip: /a}}]\n"));
  EXPECT_NE(files.diagnostics.render().find("files are found by the path as asked"), std::string::npos);
}

}  // namespace
}  // namespace edge::gate_table_test
