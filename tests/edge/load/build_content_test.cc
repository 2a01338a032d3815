#include "edge/load/build_content.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace edge::build_content_test {
namespace {

RouteConfig route_of(const std::string& path, const std::string& root = "/") {
  RouteConfig route;
  route.path = path;
  route.files.emplace();
  route.files->root.value = root;
  return route;
}

StaticFiles built(const RouteConfig& route) {
  shared::load::Diagnostics diagnostics;
  return build_files(route, read_mime_types("/nowhere"), diagnostics);
}

TEST(BuildContent, TheRoutesPathIsNoPartOfTheName) {
  EXPECT_EQ(built(route_of("/static/")).mount, 7U);
  EXPECT_EQ(built(route_of("/static")).mount, 7U);
  EXPECT_EQ(built(route_of("/")).mount, 0U);
  EXPECT_EQ(built(route_of("=/robots.txt")).mount, 0U);
  RouteConfig whole = route_of("/static/");
  whole.files->strip_path = false;
  EXPECT_EQ(built(whole).mount, 0U);
}

TEST(BuildContent, ARootThatIsNoDirectoryIsAnError) {
  shared::load::Diagnostics diagnostics;
  (void)build_files(route_of("/", "/nowhere/at/all"), read_mime_types("/nowhere"), diagnostics);
  EXPECT_NE(diagnostics.render().find("is no directory: make it"), std::string::npos);
}

TEST(BuildContent, TheFallbackLiesBelowTheRoot) {
  RouteConfig route = route_of("/");
  route.files->fallback = "/index.html";
  route.files->cache_control_by_ending.push_back({.name = "html", .at = {}, .value = "no-cache"});
  const StaticFiles files = built(route);
  EXPECT_EQ(files.fallback, "index.html");
  EXPECT_EQ(files.cache_control_of("a.html"), "no-cache");
  EXPECT_EQ(files.types->of("a.css"), "text/css; charset=utf-8") << "without the system's table";
}

TEST(BuildContent, ARoutesCompressionLiesOnTopOfTheEdges) {
  EXPECT_EQ(build_compression(std::nullopt, std::nullopt), nullptr);
  CompressionConfig general;
  general.min_size = 10;
  general.gzip_level = 9;
  CompressionConfig own;
  own.min_size = 20;
  const auto made = build_compression(general, own);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->min_size, 20U);
  EXPECT_EQ(made->levels.gzip, 9);
  EXPECT_EQ(made->codings, Compression().codings);
  own.enabled = false;
  EXPECT_EQ(build_compression(general, own), nullptr);
  general.enabled = false;
  EXPECT_EQ(build_compression(general, std::nullopt), nullptr);
  own.enabled = true;
  EXPECT_NE(build_compression(general, own), nullptr);
}

}  // namespace
}  // namespace edge::build_content_test
