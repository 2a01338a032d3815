#include "edge/load/redis_settings.h"

#include <gtest/gtest.h>

#include <fstream>

#include <unistd.h>

#include "edge/load/config.h"

namespace edge::redis_settings_test {
namespace {

namespace fs = std::filesystem;

class RedisSettingsTest : public testing::Test {
 protected:
  RedisSettingsTest() : file_(fs::temp_directory_path() / ("redis_settings." + std::to_string(getpid()))) {}
  ~RedisSettingsTest() override { fs::remove(file_); }
  void write(const std::string& text, fs::perms perms = fs::perms::owner_read) {
    std::ofstream(file_) << text;
    fs::permissions(file_, perms);
  }
  std::shared_ptr<const RedisSettings> build(RedisConfig redis) {
    EdgeConfig edge;
    edge.redis = std::move(redis);
    return build_redis(edge, diagnostics_);
  }

  fs::path file_;
  shared::load::Diagnostics diagnostics_;
};

TEST_F(RedisSettingsTest, WithoutRedisThereIsNone) { EXPECT_EQ(build_redis({}, diagnostics_), nullptr); }

TEST_F(RedisSettingsTest, ServersAndThePasswordOfAFile) {
  write("# of the shop\ns3cret\nsecond line\n");
  RedisConfig config;
  config.servers = {"10.0.0.5:6379", "[2001:db8::5]:6380"};
  config.user = "edge";
  config.password_file = file_;
  const auto settings = build(config);
  EXPECT_EQ(settings->login, (RedisLogin{.user = "edge", .password = "s3cret"}));
  ASSERT_EQ(settings->servers.size(), 2U);
  EXPECT_EQ(settings->servers[0].to_string(), "10.0.0.5:6379");
  EXPECT_EQ(settings->servers[1], (RedisPlace{.host = "2001:db8::5", .port = 6380}));
  EXPECT_EQ(settings->servers[1].to_string(), "[2001:db8::5]:6380");
  EXPECT_TRUE(diagnostics_.render().empty());
}

TEST_F(RedisSettingsTest, WhatIsWrittenArrives) {
  RedisConfig config;
  config.database = 3;
  config.prefix = "shop";
  config.timeout = shared::milliseconds(11);
  config.interval = shared::milliseconds(12);
  config.lease = shared::milliseconds(13);
  const auto settings = build(config);
  EXPECT_EQ(settings->database, 3U);
  EXPECT_EQ(settings->prefix, "shop");
  EXPECT_EQ(settings->timeout, shared::milliseconds(11));
  EXPECT_EQ(settings->interval, shared::milliseconds(12));
  EXPECT_EQ(settings->lease, shared::milliseconds(13));
  EXPECT_FALSE(settings->tls);
  config.tls.emplace();
  EXPECT_TRUE(build(config)->tls);
}

TEST_F(RedisSettingsTest, SentinelsHaveALoginOfTheirOwn) {
  write("watch\n");
  RedisConfig config;
  config.sentinel =
      SentinelConfig{.name = "shop", .servers = {"sentinel.internal:26379"}, .user = {}, .password_file = file_};
  const auto settings = build(config);
  EXPECT_EQ(settings->master, "shop");
  EXPECT_EQ(settings->sentinels[0].host, "sentinel.internal");
  EXPECT_EQ(settings->sentinel_login.password, "watch");
  EXPECT_TRUE(settings->login.password.empty());
}

TEST_F(RedisSettingsTest, AFileThatSaysNothingIsToldWithoutItsText) {
  RedisConfig config;
  config.servers = {"10.0.0.5:6379"};
  config.password_file = file_;
  (void)build(config);
  EXPECT_TRUE(diagnostics_.failed());
  EXPECT_NE(diagnostics_.render().find("redis: cannot read"), std::string::npos);
  write("# nothing\n");
  (void)build(config);
  EXPECT_NE(diagnostics_.render().find("holds no password"), std::string::npos);
}

TEST_F(RedisSettingsTest, APasswordThatEverybodyCanReadIsWarnedOf) {
  write("s3cret\n", fs::perms::owner_read | fs::perms::others_read);
  RedisConfig config;
  config.servers = {"10.0.0.5:6379"};
  config.password_file = file_;
  (void)build(config);
  EXPECT_FALSE(diagnostics_.failed());
  EXPECT_NE(diagnostics_.render().find("everybody can read the password"), std::string::npos);
  EXPECT_EQ(diagnostics_.render().find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace edge::redis_settings_test
