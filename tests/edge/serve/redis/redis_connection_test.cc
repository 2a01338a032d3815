#include "edge/serve/redis/redis_connection.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/edge/serve/redis/redis_peer.h"
#include "tests/shared/serve/run_until.h"

namespace edge::test::redis_connection_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using shared::test::run_for;
using shared::test::run_until;

class RedisConnectionTest : public testing::Test {
 protected:
  RedisConnection& open(shared::Duration timeout = seconds(20)) { return open_to(peer.endpoint(), timeout); }
  RedisConnection& open_to(const shared::Endpoint& endpoint, shared::Duration timeout = seconds(20)) {
    connection = std::make_shared<RedisConnection>(
        loop, shared::make_transport(loop, contexts, {.tls = std::nullopt, .host = "redis.example:6379"}), timeout);
    connection->open(endpoint, {.connected = [this] { connected = true; },
                                .ended = [this](const std::string& why) { ended = why; }});
    return *connection;
  }
  void open_and_wait(shared::Duration timeout = seconds(20)) {
    const std::size_t before = peer.accepted;
    open(timeout);
    ASSERT_TRUE(run_until(loop, [&] { return connected && peer.accepted > before; }));
  }
  void ask(const std::vector<std::string>& command) {
    const std::size_t before = told.size();
    connection->ask(command, [this](const shared::Result<RedisValue>& reply) {
      told.push_back(!reply ? "failed: " + reply.error().message : reply->text);
    });
    EXPECT_EQ(told.size(), before) << "never from within";
  }
  bool hears(std::size_t count) {
    return run_until(loop, [&] { return told.size() >= count; });
  }

  shared::Loop loop{shared::kOneThread};
  shared::ClientTlsContexts contexts;
  RedisPeer peer{loop};
  std::shared_ptr<RedisConnection> connection;
  bool connected = false;
  std::optional<std::string> ended;
  std::vector<std::string> told;
};

TEST_F(RedisConnectionTest, RepliesComeInTheOrderOfTheQuestions) {
  peer.script = [](const RedisPeer::Command& command) { return "+" + command.back() + "\r\n"; };
  open_and_wait();
  for (int i = 0; i < 100; ++i) ask({"ECHO", std::to_string(i)});
  ASSERT_TRUE(hears(100));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(told[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(peer.accepted, 1U);
  EXPECT_FALSE(ended);
}

TEST_F(RedisConnectionTest, AnErrorOfTheServerIsAReply) {
  peer.script = [](const RedisPeer::Command&) { return "-ERR no\r\n"; };
  open_and_wait();
  ask({"GET", "a"});
  ASSERT_TRUE(hears(1));
  EXPECT_EQ(told[0], "ERR no");
  EXPECT_FALSE(connection->closed());
}

TEST_F(RedisConnectionTest, AReplyThatDoesNotComeInTimeEndsIt) {
  peer.script = [](const RedisPeer::Command&) { return std::nullopt; };
  open_and_wait(milliseconds(50));
  ask({"GET", "a"});
  ask({"GET", "b"});
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, "no reply within 50ms");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1], "failed: no reply within 50ms");
  EXPECT_TRUE(connection->closed());
  ask({"GET", "c"});
  EXPECT_TRUE(hears(3)) << "with an error, as it is over";
}

TEST_F(RedisConnectionTest, TheServersEndIsTold) {
  peer.script = [&](const RedisPeer::Command&) {
    peer.close_all();
    return std::nullopt;
  };
  open_and_wait();
  ask({"GET", "a"});
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(RedisConnectionTest, NobodyThereIsTold) {
  shared::Endpoint nowhere = peer.endpoint();
  nowhere.port = 1;
  open_to(nowhere);
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_FALSE(connected);
}

TEST_F(RedisConnectionTest, WhoIsNoRedisOrAnswersUnaskedIsLeft) {
  open_and_wait();
  peer.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, "it does not speak as Redis does");
  ended.reset();
  connected = false;
  open_and_wait();
  peer.say("+OK\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, "it answers what nobody has asked");
}

TEST_F(RedisConnectionTest, QuestionsAreBounded) {
  peer.script = [](const RedisPeer::Command&) { return std::nullopt; };
  open_and_wait();
  for (std::size_t i = 0; i < RedisConnection::kMostQuestions; ++i) ask({"GET", "a"});
  ask({"GET", "one too many"});
  ASSERT_TRUE(hears(1));
  EXPECT_EQ(told[0], "failed: too many questions at once");
}

TEST_F(RedisConnectionTest, AfterCloseNothingComes) {
  open_and_wait();
  ask({"GET", "a"});
  connection->close();
  run_for(loop, milliseconds(50));
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(ended);
}

// A reply may close the connection that it came on.
TEST_F(RedisConnectionTest, AReplyMayCloseIt) {
  open_and_wait();
  connection->ask(std::vector<std::string>{"PING"}, [this](const shared::Result<RedisValue>&) { connection->close(); });
  ask({"GET", "a"});
  ASSERT_TRUE(run_until(loop, [&] { return connection->closed(); }));
  run_for(loop, milliseconds(20));
  EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace edge::test::redis_connection_test
