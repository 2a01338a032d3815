// What `files`, `compression` and `early_hints` take, and what they say of mistakes.
#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::content_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

Loaded with_route(const std::string& route, const std::string& edge = "") {
  return Loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n" +
                             edge + "  routes: [{path: /x, pool: web}, {path: /, " + route + "}]\n"));
}

std::string said(const std::string& route) {
  const Loaded loaded = with_route(route);
  return loaded.diagnostics.render();
}

TEST(ContentTable, FilesHaveARootAndTheRestIsOptional) {
  const Loaded loaded = with_route(
      "files: {root: /srv/www, index: [a.html, b.html], fallback: /index.html, precompressed: br, symlinks: true, "
      "dotfiles: true, strip_path: false, cache_control: no-cache, cache_control_by_ending: {css: max-age=60}}");
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  const FilesConfig& files = loaded.edge.routes.at(1).files.value();
  EXPECT_EQ(files.root.value, "/srv/www");
  EXPECT_EQ(files.index, (std::vector<std::string>{"a.html", "b.html"}));
  EXPECT_EQ(files.precompressed, std::vector{Coding::br});
  EXPECT_TRUE(files.symlinks && files.dotfiles && !files.strip_path);
  EXPECT_EQ(files.cache_control_by_ending.at(0).value, "max-age=60");
  EXPECT_EQ(with_route("files: {root: /srv}").edge.routes.at(1).files->index, std::vector<std::string>{"index.html"});
}

TEST(ContentTable, NamesThatLeadOutAreErrors) {
  EXPECT_NE(said("files: {index: [a]}").find("root"), std::string::npos);
  EXPECT_NE(said("files: {root: /srv, index: ../a}").find("no name of a file"), std::string::npos);
  EXPECT_NE(said("files: {root: /srv, index: a/b}").find("no name of a file"), std::string::npos);
  EXPECT_NE(said("files: {root: /srv, fallback: /../a}").find("no file below the root"), std::string::npos);
  EXPECT_NE(said("files: {root: /srv, precompressed: deflate}").find("deflate"), std::string::npos);
  EXPECT_NE(said("files: {root: /srv}, pool: web").find("exactly one of"), std::string::npos);
}

TEST(ContentTable, CompressionIsOfAllRoutesAndOfOne) {
  const Loaded loaded =
      with_route("pool: web, compression: {enabled: false}",
                 "  compression: {codings: [br, gzip], min_size: 2KiB, br_level: 6, zstd_level: 4}\n");
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.compression->codings, (std::vector{Coding::br, Coding::gzip}));
  EXPECT_EQ(loaded.edge.compression->min_size, 2048U);
  EXPECT_EQ(loaded.edge.compression->zstd_level, 4);
  EXPECT_EQ(loaded.edge.routes.at(1).compression->enabled, false);
  EXPECT_NE(said("pool: web, compression: {gzip_level: 10}").find("gzip_level"), std::string::npos);
}

TEST(ContentTable, HintsAreLinks) {
  const Loaded loaded = with_route("pool: web, early_hints: \"</a.css>; rel=preload; as=style\"");
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.routes.at(1).early_hints.size(), 1U);
  EXPECT_NE(said("pool: web, early_hints: [/a.css]").find("expected a link"), std::string::npos);
}

}  // namespace
}  // namespace edge::content_table_test
