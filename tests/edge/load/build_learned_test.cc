#include "edge/load/build_learned.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "edge/load/build_pools.h"
#include "tests/edge/load/load.h"

namespace edge::build_learned_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using testing::Loaded;
using testing::with_regions;

// A file of the test's own, gone with it.
struct Secret {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("learned-keys-" + std::to_string(::getpid()));

  explicit Secret(const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }
  ~Secret() { std::filesystem::remove(path); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
};

constexpr const char* kTwoKeys = "000102030405060708090a0b0c0d0e0f\n100102030405060708090a0b0c0d0e0f\n";
constexpr const char* kRedis = "  redis: {servers: [\"10.0.9.1:6379\"]}\n";

// With `sticky` as said, but for its keys.
std::string config(const Secret& secret, const std::string& sticky, const std::string& redis = kRedis,
                   const std::string& pool = "") {
  return with_regions("  listen: [{address: \"{edge}:8080\"}]\n" + redis + "  pools:\n    web: {" + pool +
                      "sticky: {keys: \"" + secret.path.string() + "\", secure: false, " + sticky +
                      "}, servers: [\"10.0.0.1:80\", {address: \"10.0.0.2:80\", priority: 1}]}\n" +
                      "  routes: [{path: /, pool: web}]\n");
}

std::string without_secure(std::string text) {
  text.erase(text.find("secure: false, "), std::string("secure: false, ").size());
  return text;
}

TEST(BuildLearned, OptionsArriveInThePool) {
  const Secret secret(kTwoKeys);
  Loaded loaded(without_secure(config(secret,
                                      "store: redis, learn: SID, ttl: 20m, wait: 30ms, refresh: 5s, remember: 1000, "
                                      "draining: move")));
  PoolRegistry registry;
  const PoolParts parts = build_pools(loaded.edge, {"shop", "us"}, {}, registry, loaded.diagnostics);
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  const Sticky& sticky = parts.pools->find("web")->sticky;
  EXPECT_FALSE(sticky.enabled()) << "no cookie of ours";
  EXPECT_FALSE(sticky.while_draining);
  ASSERT_NE(sticky.learned, nullptr);
  const LearnedSessions& made = *sticky.learned;
  EXPECT_EQ(made.by, LearnedSessions::By::cookie);
  EXPECT_EQ(made.name, "SID");
  EXPECT_EQ(made.pool, "web");
  EXPECT_EQ(made.keys.size(), 2U);
  EXPECT_EQ(made.ttl, std::chrono::minutes(20));
  EXPECT_EQ(made.wait, milliseconds(30));
  EXPECT_EQ(made.refresh, seconds(5));
  EXPECT_GE(made.live->table.capacity(), 1000U);
  EXPECT_EQ(made.order.size(), 2U) << "one for each priority";
  EXPECT_EQ(made.server_of(server_tag("10.0.0.1:80")), 0);
  EXPECT_EQ(made.server_of(server_tag("10.0.0.2:80")), 1);
}

TEST(BuildLearned, WhatIsKnownOutlivesAReloadUnlessItsTermsChange) {
  const Secret secret(kTwoKeys);
  SessionLives lives;
  StickyConfig sticky;
  const auto first = lives.of("web", sticky, 1);
  EXPECT_EQ(lives.of("web", sticky, 1), first);
  EXPECT_NE(lives.of("api", sticky, 1), first);
  sticky.wait = milliseconds(1);
  EXPECT_EQ(lives.of("web", sticky, 1), first);
  sticky.ttl = seconds(60);
  EXPECT_NE(lives.of("web", sticky, 1), first);
}

TEST(BuildLearned, WhatIsKnownOutlivesABuildThatFailed) {
  SessionLives lives;
  StickyConfig sticky;
  const auto serves = lives.of("web", sticky, 1);
  StickyConfig tried = sticky;
  tried.ttl = seconds(60);
  EXPECT_NE(lives.of("web", tried, 1), serves) << "and it is gone at once";
  EXPECT_EQ(lives.of("web", sticky, 1), serves);
}

std::string problems_of(const std::string& text) { return Loaded(text).diagnostics.render(); }

TEST(BuildLearned, WhatDoesNotFitTogetherIsTold) {
  const Secret secret(kTwoKeys);
  const auto said = [&](const std::string& sticky, const std::string& redis = kRedis, const std::string& pool = "") {
    return problems_of(without_secure(config(secret, sticky, redis, pool)));
  };
  EXPECT_EQ(said("store: redis, learn: SID"), "");
  EXPECT_EQ(said("store: redis, header: X-Session"), "");
  const auto has = [](const std::string& problems, const std::string& words) {
    return problems.find(words) != std::string::npos;
  };
  EXPECT_TRUE(has(said("store: redis"), "needs either learn: NAME"));
  EXPECT_TRUE(has(said("store: redis, learn: A, header: B"), "needs either learn: NAME"));
  EXPECT_TRUE(has(said("store: redis, learn: SID", ""), "store: redis needs `edge.redis`"));
  EXPECT_TRUE(has(said("store: redis, learn: SID, cookie: X"), "cookie has no effect: with store: redis"));
  EXPECT_TRUE(has(problems_of(config(secret, "store: redis, learn: SID")), "secure has no effect"));
  EXPECT_TRUE(has(said("learn: SID"), "learn has no effect: it is for store: redis"));
  EXPECT_TRUE(has(said("wait: 1ms"), "wait has no effect"));
  EXPECT_TRUE(has(said("store: redis, learn: SID, ttl: 10s, refresh: 6s"), "refresh: longer than half of ttl"));
  EXPECT_TRUE(has(said("store: redis, learn: SID, wait: 300ms"), "longer than redis.timeout"));
  EXPECT_TRUE(has(said("store: redis, learn: \"a b\""), "a cookie's name"));
  EXPECT_TRUE(has(said("store: redis, learn: SID", kRedis, "balance: ip_hash, "), "keeps a client at its server"));
  EXPECT_TRUE(has(said("cookie: X"), "redis is used by nothing"));
}

}  // namespace
}  // namespace edge::build_learned_test
