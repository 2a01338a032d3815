#include "edge/core/content/static_files.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace edge::static_files_test {
namespace {

std::string named(std::string_view path, const StaticFiles& files = {}) {
  const auto name = file_of_path(files, path);
  return name ? "'" + *name + "'" : "none";
}

TEST(StaticFiles, APathIsTheNameBelowTheRoot) {
  EXPECT_EQ(named("/"), "''");
  EXPECT_EQ(named("/a/b.css"), "'a/b.css'");
  EXPECT_EQ(named("/a/"), "'a/'");
  EXPECT_EQ(named("/a%20b%C3%BC.css"), "'a b\xC3\xBC.css'");
  StaticFiles files;
  files.mount = 7;  // "/static"
  EXPECT_EQ(named("/static/a.css", files), "'a.css'");
  EXPECT_EQ(named("/static/", files), "''");
  EXPECT_EQ(named("/static", files), "''");
}

TEST(StaticFiles, WhatNoFileCanBeCalledIsNone) {
  const std::vector<std::string> paths{
      "/a%2Fb",
      "/%2fetc/passwd",
      "/a%00.css",
      "/a%",
      "/a%2",
      "/a%zz",
      "/..",
      "/../etc/passwd",
      "/a/../b",
      "/./a",
      "/%2E%2E/a",
      "/a/%2e%2e/b",
      "/a//b",
      "/" + std::string(256, 'x'),
      "/.git/config",
      "/a/.env",
      "/.well-known/../a",
      "/a/.well-known/b",
  };
  for (const std::string& path : paths) EXPECT_EQ(named(path), "none") << path;
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/abcd";
  EXPECT_EQ(named(deep), "none");
  EXPECT_EQ(named("/" + std::string(255, 'x')).size(), 257U);
  EXPECT_EQ(named("/%252e%252e/a"), "'%2e%2e/a'") << "decoded once: a name like any other";
}

TEST(StaticFiles, HiddenNamesAreServedWhereThatIsSaid) {
  EXPECT_EQ(named("/.well-known/security.txt"), "'.well-known/security.txt'");
  StaticFiles files;
  files.dotfiles = true;
  EXPECT_EQ(named("/.profile", files), "'.profile'");
  EXPECT_EQ(named("/..", files), "none");
}

TEST(StaticFiles, CacheControlGoesByTheEnding) {
  StaticFiles files;
  EXPECT_EQ(files.cache_control_of("a.css"), "");
  files.cache_control = "max-age=60";
  files.cache_control_by_ending = {{"html", "no-cache"}};
  EXPECT_EQ(files.cache_control_of("a.css"), "max-age=60");
  EXPECT_EQ(files.cache_control_of("a.HTML"), "no-cache");
  EXPECT_EQ(files.cache_control_of("html"), "max-age=60");
}

TEST(StaticFiles, ATagIsOfSizeAndTimeAndWeakWhileTheFileIsYoung) {
  const FileFacts file{.size = 255, .modified = 1000, .modified_ns = 16};
  EXPECT_EQ(entity_tag_of(file, 2000), "\"3e8.10-ff\"");
  EXPECT_EQ(entity_tag_of(file, 1001), "W/\"3e8.10-ff\"");
  EXPECT_EQ(entity_tag_of(file, 1002), "\"3e8.10-ff\"");
  EXPECT_EQ(entity_tag_of({.size = 0, .modified = 1000, .modified_ns = 16}, 2000), "\"3e8.10-0\"");
  EXPECT_EQ(entity_tag_of({.size = 0, .modified = 4000}, 2000).substr(0, 2), "W/") << "a time to come";
  EXPECT_EQ(suffix_of(Coding::br), ".br");
}

}  // namespace
}  // namespace edge::static_files_test
