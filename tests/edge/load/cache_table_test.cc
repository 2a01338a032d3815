// What `caches` and a route's `cache` take, and what they say of mistakes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/edge/load/load.h"

namespace edge::cache_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

constexpr std::uint64_t kMiB = 1U << 20U;

Loaded with(const std::string& caches, const std::string& cache) {
  return Loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  caches: {" +
                   caches + "}\n  routes: [{path: /, pool: web, cache: {" + cache + "}}]\n"));
}

std::string said(const std::string& caches, const std::string& cache) {
  return with(caches, cache).diagnostics.render();
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

TEST(CacheTable, EveryOptionArrives) {
  const Loaded loaded = with(
      "main: {size: 1GiB}",
      "store: main, ttl: {200: 5m, 404: 1500ms}, key: [{header: X-A}, {cookie: c}, {query: page}], heuristic: true, "
      "stale_while_revalidate: 10s, stale_if_error: 1h, set_cookie: strip, request_directives: false, "
      "status_field: false, max_object: 64MiB, max_variants: 7, hit_for_miss: 3s");
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.caches.at(0).value.size, 1024 * kMiB);
  const RouteCacheConfig& cache = loaded.edge.routes.at(0).cache.value();
  ASSERT_EQ(cache.ttl.size(), 2U);
  EXPECT_EQ(cache.ttl[1].status, 404);
  EXPECT_EQ(cache.ttl[1].seconds, 2U) << "a second that has begun counts";
  ASSERT_EQ(cache.key.size(), 3U);
  EXPECT_EQ(cache.key[0].kind, CacheKeyPart::Kind::header);
  EXPECT_EQ(cache.key[1].kind, CacheKeyPart::Kind::cookie);
  EXPECT_EQ(cache.key[2].kind, CacheKeyPart::Kind::query);
  EXPECT_EQ(cache.key[2].name, "page");
  EXPECT_TRUE(cache.heuristic && !cache.request_directives && !cache.status_field);
  EXPECT_EQ(cache.stale_while_revalidate, 10U);
  EXPECT_EQ(cache.stale_if_error, 3600U);
  EXPECT_EQ(cache.set_cookie, CookiePolicy::strip);
  EXPECT_EQ(cache.max_object, 64 * kMiB);
  EXPECT_EQ(cache.max_variants, 7);
  EXPECT_EQ(cache.hit_for_miss, 3U);
}

TEST(CacheTable, ParametersOfTheKeyAreNamesOrTheirBeginnings) {
  const Loaded loaded = with("main: {}", "store: main, key: [{query_except: \"utm_*\"}, {query_except: ref}]");
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.routes.at(0).cache->key.at(0).kind, CacheKeyPart::Kind::query_except);
  for (const char* name : {"\"*a\"", "a*b", "\"a&b\"", "\"a=\"", "\"\"", "\"a b\"", "\"a#\""}) {
    EXPECT_TRUE(has(said("main: {}", "store: main, key: [{query: " + std::string(name) + "}]"), "name of a parameter"))
        << name;
  }
  EXPECT_TRUE(has(said("main: {}", "store: main, key: [{query: a}, {query_except: b}]"), "say one of them"));
  EXPECT_TRUE(has(said("main: {}", "store: main, key: [{header: \"a b\"}]"), "not the name of a header field"));
  EXPECT_TRUE(has(said("main: {}", "store: main, key: [{host: a}]"), "query_except"));
}

TEST(CacheTable, StatusesThatAreNeverStoredHaveNoTime) {
  for (const char* status : {"206", "304", "416"}) {
    EXPECT_TRUE(has(said("main: {}", "store: main, ttl: {" + std::string(status) + ": 5m}"), "never stored")) << status;
  }
  EXPECT_TRUE(with("main: {}", "store: main, ttl: {100: 5m}").diagnostics.failed());
  EXPECT_TRUE(with("main: {}", "store: main, ttl: 5m").diagnostics.failed());
}

TEST(CacheTable, AStoreIsThereAndUsedAndLargeEnough) {
  EXPECT_TRUE(has(said("main: {}", "store: mian"), "did you mean"));
  EXPECT_TRUE(has(said("main: {}, other: {}", "store: main"), "cache 'other' is used by no route"));
  EXPECT_TRUE(has(said("main: {size: 16MiB}", "store: main"), "more than a quarter of the store 'main'"));
  EXPECT_EQ(said("main: {size: 32MiB}", "store: main"), "");
}

// Below a directory that is there; a body may be larger than memory.
TEST(CacheTable, AStoreOnADiskHasADirectoryOfItsOwn) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "meridian-cache-table";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "file") << "x";
  const std::string at = folder.string();
  const Loaded loaded =
      with("main: {size: 1GiB, memory: 2MiB, disk: " + at + "/new}", "store: main, max_object: 256MiB");
  EXPECT_EQ(loaded.diagnostics.render(), "");
  EXPECT_EQ(loaded.edge.caches.at(0).value.disk.value, at + "/new");
  EXPECT_EQ(loaded.edge.caches.at(0).value.memory, 2 * kMiB);
  const std::string large = "store: main, max_object: 268435457B";
  EXPECT_TRUE(has(said("main: {size: 1GiB, disk: " + at + "/new}", large), "a quarter of the store"));
  EXPECT_TRUE(has(said("main: {disk: " + at + "/file}", "store: main"), "is no directory: name another"));
  EXPECT_TRUE(has(said("main: {disk: " + at + "/no/where}", "store: main"), "/no is no directory: make it"));
  const std::string twice = "main: {disk: " + at + "/new}, other: {disk: " + at + "/x/../new}";
  EXPECT_TRUE(has(said(twice, "store: main"), "that of cache 'main': each needs a directory of its own"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace edge::cache_table_test
