#include "edge/serve/redis/region_limits.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/edge/serve/redis/redis_peer.h"
#include "tests/shared/serve/run_until.h"

namespace edge::test::region_limits_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using shared::test::run_for;
using shared::test::run_until;

const std::string kScript(40, 'a');
constexpr const char* kNoKeys = "*5\r\n:2\r\n$16\r\n00000000000000ab\r\n$1\r\n7\r\n*0\r\n*0\r\n";

class RegionLimitsTest : public testing::Test {
 protected:
  RegionLimitsTest() {
    peer.script = [this](const RedisPeer::Command& command) -> std::optional<std::string> {
      if (command.front() == "SCRIPT") return script_reply;
      if (command.front() == "EVALSHA") return lease_reply;
      return RedisPeer::plain(command);
    };
    limits.push_back(made("api", LimitScope::region));
    limits.push_back(made("own", LimitScope::edge));
    shared_limits.set(limits, {.region = "eu", .edge = "10.0.0.1"});
    RedisSettings settings;
    settings.servers = {{.host = "127.0.0.1", .port = peer.port()}};
    settings.interval = milliseconds(5);
    settings.timeout = seconds(20);
    settings.lease = milliseconds(300);
    redis.set(std::make_shared<const RedisSettings>(settings));
  }

  std::shared_ptr<const RateLimit> made(const std::string& name, LimitScope scope) {
    const RateLimitSettings settings{.name = name, .rate = 10, .burst = 5, .scope = scope, .edges = 3};
    return std::make_shared<const RateLimit>(settings, lives.of(settings, 5), 5);
  }
  void begin() { shared_limits.set(limits, {.region = "eu", .edge = "10.0.0.1"}); }
  RegionLimits::Standing api() const { return shared_limits.standing("api"); }
  bool is_leased() {
    return run_until(loop, [&] { return !api().leases.alone(); });
  }

  shared::Loop loop{shared::kOneThread};
  RedisPeer peer{loop};
  shared::NameFollower names{loop};
  RedisClient redis{loop, names};
  LimitLives lives;
  RateLimits limits;
  RegionLimits shared_limits{loop, redis};
  std::optional<std::string> script_reply = "$40\r\n" + kScript + "\r\n";
  std::optional<std::string> lease_reply = kNoKeys;
};

TEST_F(RegionLimitsTest, ALimitOfTheRegionIsLeasedAndOthersAreNot) {
  EXPECT_FALSE(shared_limits.empty());
  EXPECT_TRUE(api().leases.alone());
  begin();
  ASSERT_TRUE(is_leased());
  EXPECT_EQ(api().leases.edges(), 2U);
  EXPECT_GE(api().answered, 1U);
  EXPECT_EQ(api().reason, "");
  EXPECT_EQ(peer.asked("SCRIPT"), 1U) << "once for a connection";
  for (const auto& command : peer.commands) {
    if (command.front() != "EVALSHA") continue;
    EXPECT_EQ(command[1], kScript);
    EXPECT_NE(command[3].find("meridian:limit:eu:api"), std::string::npos) << command[3];
  }
}

TEST_F(RegionLimitsTest, OneQuestionAtATime) {
  lease_reply = std::nullopt;
  begin();
  ASSERT_TRUE(run_until(loop, [&] { return peer.asked("EVALSHA") == 1; }));
  run_for(loop, milliseconds(50));
  EXPECT_EQ(peer.asked("EVALSHA"), 1U);
}

TEST_F(RegionLimitsTest, AScriptThatRedisHasForgottenIsLoadedAgain) {
  begin();
  ASSERT_TRUE(is_leased());
  lease_reply = "-NOSCRIPT No matching script.\r\n";
  ASSERT_TRUE(run_until(loop, [&] { return peer.asked("SCRIPT") >= 2; }));
  EXPECT_NE(api().reason.find("NOSCRIPT"), std::string::npos);
  lease_reply = kNoKeys;
  ASSERT_TRUE(run_until(loop, [&] { return api().reason.empty(); }));
}

TEST_F(RegionLimitsTest, WithoutAnswersALeaseEndsAndComesBack) {
  begin();
  ASSERT_TRUE(is_leased());
  lease_reply = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  ASSERT_TRUE(run_until(loop, [&] { return api().leases.alone(); }));
  EXPECT_NE(api().reason.find("OOM"), std::string::npos);
  EXPECT_GE(api().failed, 1U);
  EXPECT_TRUE(redis.up()) << "the connection is good";
  lease_reply = kNoKeys;
  EXPECT_TRUE(is_leased());
}

TEST_F(RegionLimitsTest, AnAnswerThatNoScriptOfOursGivesIsAFailure) {
  lease_reply = "+PONG\r\n";
  begin();
  ASSERT_TRUE(run_until(loop, [&] { return api().failed >= 1; }));
  EXPECT_TRUE(api().leases.alone());
}

TEST_F(RegionLimitsTest, ALostConnectionIsMadeAgainWithItsScript) {
  begin();
  ASSERT_TRUE(is_leased());
  const std::size_t before = peer.asked("SCRIPT");
  peer.close_all();
  ASSERT_TRUE(run_until(loop, [&] { return peer.asked("SCRIPT") > before; }));
  const std::uint64_t answered = api().answered;
  ASSERT_TRUE(run_until(loop, [&] { return api().answered > answered; }));
}

TEST_F(RegionLimitsTest, WhatIsLeasedOutlivesAReload) {
  begin();
  ASSERT_TRUE(is_leased());
  const std::uint64_t answered = api().answered;
  limits[0] = made("api", LimitScope::region);
  begin();
  EXPECT_FALSE(api().leases.alone());
  EXPECT_GE(api().answered, answered);
  limits.erase(limits.begin());
  begin();
  EXPECT_TRUE(shared_limits.empty());
}

}  // namespace
}  // namespace edge::test::region_limits_test
