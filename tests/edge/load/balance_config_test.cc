#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "edge/load/build_pools.h"
#include "tests/edge/load/load.h"

namespace edge::balance_config_test {
namespace {

using testing::edge_with;
using testing::Loaded;
using testing::with_regions;

struct Made {
  Loaded loaded;
  PoolRegistry ids;
  PoolParts parts;

  explicit Made(const std::string& pool, const PoolInputs& inputs = {}) : loaded(with_regions(edge_with(pool))) {
    parts = build_pools(loaded.edge, {"shop", "us"}, inputs, ids, loaded.diagnostics);
  }
  [[nodiscard]] const Pool& web() const { return *parts.pools->find("web"); }
  [[nodiscard]] std::string problems() const { return loaded.diagnostics.render(); }
};

// A file of the test's own, gone with it.
struct TemporaryFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("sticky-keys-" + std::to_string(::getpid()));

  explicit TemporaryFile(const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

TEST(BalanceConfig, EachNameIsItsAlgorithm) {
  const auto selector = [](const std::string& balance) {
    const Made made("{balance: " + balance + ", servers: [\"10.0.0.1:80\", \"10.0.0.2:80\"]}");
    EXPECT_FALSE(made.loaded.diagnostics.failed()) << made.problems();
    return made.web().selector.index();
  };
  EXPECT_EQ(selector("round_robin"), Selector(Sequence()).index());
  EXPECT_EQ(selector("weighted_round_robin"), Selector(Sequence()).index());
  EXPECT_EQ(selector("least_connections"), Selector(LeastConnections()).index());
  EXPECT_EQ(selector("least_time"), Selector(LeastTime()).index());
  EXPECT_EQ(selector("random_two"), Selector(RandomTwo()).index());
  EXPECT_EQ(selector("ip_hash"), Selector(HashSlots()).index());
  EXPECT_EQ(selector("consistent_hash"), Selector(HashSlots()).index());
}

TEST(BalanceConfig, OptionsArriveInThePool) {
  const Made made(
      "{balance: consistent_hash, hash: {by: {cookie: sid}, bounded_load: 1.5}, slow_start: 30s, servers: "
      "[{address: \"10.0.0.1:80\", weight: 3}, {address: \"10.0.0.2:80\", priority: 7}]}");
  ASSERT_FALSE(made.loaded.diagnostics.failed()) << made.problems();
  EXPECT_EQ(made.web().hash_key.kind, HashKey::Kind::cookie);
  EXPECT_EQ(made.web().hash_key.name, "sid");
  EXPECT_EQ(made.web().slow_start, std::chrono::seconds(30));
  EXPECT_EQ(std::get<HashSlots>(made.web().selector).bound_percent, 150U);
  EXPECT_EQ(std::get<HashSlots>(made.web().selector).members, (std::vector<std::uint16_t>{0}));
  ASSERT_EQ(made.web().spares.size(), 1U);
  EXPECT_TRUE(made.web().counts_in_flight());
}

TEST(BalanceConfig, AnOperatorsWeightBeatsTheFile) {
  PoolInputs inputs;
  inputs.weights[{"web", "10.0.0.2:80"}] = 4;
  inputs.weights[{"web", "10.9.9.9:80"}] = 4;  // no longer there: nothing to do
  const Made made("{balance: weighted_round_robin, servers: [\"10.0.0.1:80\", \"10.0.0.2:80\"]}", inputs);
  EXPECT_EQ(made.web().servers[1].weight, 4);
  EXPECT_EQ(std::get<Sequence>(made.web().selector).order.size(), 5U);
}

TEST(BalanceConfig, WhatHasNoEffectIsAnError) {
  const auto problem = [](const std::string& pool) { return Made(pool).problems(); };
  const std::string servers = ", servers: [\"10.0.0.1:80\"]}";
  EXPECT_NE(problem("{hash: {by: path}" + servers).find("hash has no effect"), std::string::npos);
  EXPECT_NE(problem("{response_time: {half_life: 1s}" + servers).find("has no effect"), std::string::npos);
  EXPECT_NE(problem("{balance: ip_hash, hash: {by: path}" + servers).find("consistent_hash"), std::string::npos);
  EXPECT_NE(problem("{balance: consistent_hash, hash: {by: moon}" + servers).find("none of client"), std::string::npos);
  EXPECT_NE(problem("{balance: consistent_hash, hash: {by: {header: \"a b\"}}" + servers).find("not the name"),
            std::string::npos);
  EXPECT_NE(problem("{balance: consistent_hash, hash: {bounded_load: 0.5}" + servers).find("bounded_load"),
            std::string::npos);
}

TEST(BalanceConfig, StickySessionsTakeTheirKeysFromAFile) {
  const std::string servers = "servers: [\"10.0.0.1:80\", \"10.0.0.2:80\"]}";
  const TemporaryFile file("# new\n000102030405060708090a0b0c0d0e0f\n\nffffffffffffffffffffffffffffffff\n");
  const std::string keys = "keys: \"" + file.path.string() + "\"";
  const Made made("{sticky: {" + keys + ", cookie: SID, draining: move}, " + servers);
  ASSERT_FALSE(made.loaded.diagnostics.failed()) << made.problems();
  const Sticky& sticky = made.web().sticky;
  EXPECT_EQ(sticky.cookie, "SID");
  EXPECT_FALSE(sticky.while_draining);
  EXPECT_EQ(sticky.known.size(), 4U) << "two servers under two keys";
  shared::SipKey key{};
  for (std::uint8_t i = 0; i < 16; ++i) key[i] = i;
  EXPECT_EQ(sticky.find(to_text(session_token(key, "web", "10.0.0.2:80"))), 1);
  EXPECT_NE(Made("{sticky: {" + keys + ", same_site: none, secure: false}, " + servers).problems().find("browsers"),
            std::string::npos);
  EXPECT_NE(Made("{sticky: {keys: /no/such/file}, " + servers).problems().find("openssl rand -hex 16"),
            std::string::npos);
}

TEST(BalanceConfig, StickyKeysThatEverybodyCanReadAreWarnedAt) {
  const TemporaryFile file("000102030405060708090a0b0c0d0e0f\n");
  const std::string pool =
      "{sticky: {secure: false, keys: \"" + file.path.string() + "\"}, servers: [\"10.0.0.1:80\"]}";
  std::filesystem::permissions(file.path, std::filesystem::perms(0640));
  EXPECT_EQ(Made(pool).problems(), "");
  std::filesystem::permissions(file.path, std::filesystem::perms(0644));
  EXPECT_NE(Made(pool).problems().find("warning: sticky: everybody can read the keys in " + file.path.string()),
            std::string::npos);
}

TEST(BalanceConfig, ABadKeyFileIsRefusedWithoutShowingIt) {
  const TemporaryFile file("secret-that-is-no-key\n");
  const std::string problems =
      Made("{sticky: {keys: \"" + file.path.string() + "\"}, servers: [\"10.0.0.1:80\"]}").problems();
  EXPECT_NE(problems.find(":1: not 32"), std::string::npos) << problems;
  EXPECT_EQ(problems.find("secret-that"), std::string::npos);
}

}  // namespace
}  // namespace edge::balance_config_test
