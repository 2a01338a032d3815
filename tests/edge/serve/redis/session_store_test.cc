#include "edge/serve/redis/session_store.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"

namespace edge::session_store_test {
namespace {

using Kind = RedisValue::Kind;
using shared::seconds;
using shared::test::run_for;
using shared::test::run_until;
using Command = std::vector<std::string>;
using Table = SessionTable::Kind;

RedisValue text(std::string value) { return {.kind = Kind::text, .text = std::move(value)}; }
RedisValue error(std::string value) { return {.kind = Kind::error, .text = std::move(value)}; }
RedisValue list(std::vector<RedisValue> items) { return {.kind = Kind::array, .items = std::move(items)}; }
RedisValue nil() { return {}; }
RedisValue one() { return {.kind = Kind::integer, .integer = 1}; }

TEST(SessionStore, WhatRedisHasIsReadWithCare) {
  const auto found = read_session(list({nil(), text("10.0.0.1:80")}), 2);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->key, 1U);
  EXPECT_EQ((*found)->server, "10.0.0.1:80");
  EXPECT_EQ((*read_session(list({text("a"), text("b")}), 2))->server, "a");
  EXPECT_FALSE(*read_session(list({nil(), nil()}), 2));
  EXPECT_FALSE(*read_session(list({text("")}), 1));
  EXPECT_FALSE(*read_session(list({text(std::string(10'000, 'x'))}), 1));
  EXPECT_FALSE(*read_session(list({list({text("a")})}), 1));
  EXPECT_FALSE(read_session(list({text("a")}), 2)) << "no answer to what was asked";
  EXPECT_FALSE(read_session(text("a"), 1));
  EXPECT_EQ(read_session(error("LOADING"), 1).error().message, "LOADING");
}

// A store whose Redis is the test.
class SessionStoreTest : public testing::Test {
 protected:
  SessionStoreTest() {
    auto made = std::make_shared<LearnedSessions>();
    made->name = "SID";
    made->pool = "web";
    made->keys = {session_key({1}, "web"), session_key({2}, "web")};
    made->ttl = seconds(60);
    made->refresh = seconds(10);
    made->live = std::make_shared<SessionsLive>(
        1000, SessionTable::Lifetimes{.known = seconds(60), .absent = LearnedSessions::kAbsentFor}, 5);
    sessions = made;
    Pool pool;
    pool.sticky.learned = sessions;
    pools = Pools({pool});
    store.set(pools, "m:session:eu");
  }

  std::vector<SessionToken> ids(std::string_view value) const {
    return {sessions->id_of(value, 0), sessions->id_of(value, 1)};
  }
  std::string key(std::string_view value, std::size_t which = 0) const {
    return "m:session:eu:web:" + to_text(sessions->id_of(value, which));
  }
  std::shared_ptr<SessionLookup> lookup(std::string_view value) {
    auto made = std::make_shared<SessionLookup>();
    made->sessions = sessions;
    made->ids = ids(value);
    made->asker = &worker;
    return made;
  }
  SessionFact fact(SessionFact::Kind kind, std::string_view value, std::string server) const {
    return {.kind = kind, .sessions = sessions, .ids = ids(value), .server = std::move(server)};
  }
  // The next question, answered.
  Command answer(const shared::Result<RedisValue>& reply) {
    EXPECT_TRUE(run_until(loop, [&] { return !asked.empty(); }));
    const auto [command, done] = std::move(asked.front());
    asked.pop_front();
    done(reply);
    return command;
  }
  [[nodiscard]] SessionTable::Found known(std::string_view value) const {
    return sessions->live->table.find(sessions->id_of(value), shared::Clock::now());
  }
  void come(bool is) {
    up = is;
    store.look_at_redis();
  }
  [[nodiscard]] std::uint64_t failures() const { return sessions->live->write_failures.load(); }

  shared::Loop loop{shared::kOneThread};
  shared::WorkerLoop worker;
  bool up = true;
  std::deque<std::pair<Command, RedisReply>> asked;
  std::shared_ptr<const LearnedSessions> sessions;
  Pools pools;
  SessionStore store{
      loop,
      {.up = [this] { return up; },
       .ask = [this](const Command& command, RedisReply reply) { asked.emplace_back(command, std::move(reply)); }}};
};

TEST_F(SessionStoreTest, ASessionThatAnotherEdgeHasWrittenIsFound) {
  const auto first = lookup("abc");
  ASSERT_TRUE(store.look_up(first));
  EXPECT_EQ(answer(list({text("10.0.0.1:80"), nil()})), (Command{"MGET", key("abc"), key("abc", 1)}));
  worker.poll();
  EXPECT_TRUE(first->finished);
  EXPECT_TRUE(first->answered);
  EXPECT_EQ(first->tag, server_tag("10.0.0.1:80"));
  EXPECT_EQ(known("abc").kind, Table::known);
}

TEST_F(SessionStoreTest, ManyThatAskForOneSessionShareOneQuestion) {
  std::vector<std::shared_ptr<SessionLookup>> all;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store.look_up(all.emplace_back(lookup("abc"))));
  loop.poll();  // all of them are there
  answer(list({nil(), nil()}));
  run_for(loop, shared::milliseconds(20));
  EXPECT_TRUE(asked.empty());
  worker.poll();
  for (const auto& each : all) {
    EXPECT_TRUE(each->finished && each->answered);
    EXPECT_FALSE(each->tag);
  }
  EXPECT_EQ(known("abc").kind, Table::absent);
}

TEST_F(SessionStoreTest, QuestionsAreBounded) {
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < SessionStore::kMostLookups + 10; ++i) {
    taken += store.look_up(lookup("s" + std::to_string(i))) ? 1U : 0U;
  }
  EXPECT_EQ(taken, SessionStore::kMostLookups);
  ASSERT_TRUE(run_until(loop, [&] { return asked.size() == taken; }));
  answer(list({nil(), nil()}));
  EXPECT_TRUE(store.look_up(lookup("another")));
  for (std::uint32_t i = 0; i < SessionStore::kMostFacts + 10; ++i) {
    store.note(fact(SessionFact::Kind::has, std::to_string(i), "a"));
  }
  EXPECT_EQ(sessions->live->dropped.load(), 10U);
}

// Its replies may never come; nobody waits for them, and their room is free again.
TEST_F(SessionStoreTest, ALostConnectionEndsAllQuestions) {
  const auto first = lookup("abc");
  ASSERT_TRUE(store.look_up(first));
  for (std::uint32_t i = 0; i < SessionStore::kMostFacts; ++i) {
    store.note(fact(SessionFact::Kind::has, std::to_string(i), "a"));
  }
  ASSERT_TRUE(run_until(loop, [&] { return asked.size() == 1 + SessionStore::kMostFacts; }));
  come(false);
  asked.clear();
  worker.poll();
  EXPECT_TRUE(first->finished);
  EXPECT_FALSE(first->answered);
  EXPECT_EQ(sessions->live->store(), SessionsLive::Store::away);
  const auto later = lookup("abc");
  ASSERT_TRUE(store.look_up(later));
  ASSERT_TRUE(run_until(loop, [&] {
    worker.poll();
    return later->finished;
  }));
  EXPECT_FALSE(later->answered);
  store.note(fact(SessionFact::Kind::has, "abc", "a"));
  ASSERT_TRUE(run_until(loop, [&] { return failures() == 1; }));
  EXPECT_EQ(sessions->live->dropped.load(), 0U);
  come(true);
  EXPECT_EQ(sessions->live->store(), SessionsLive::Store::up);
  ASSERT_TRUE(store.look_up(lookup("abc")));
  EXPECT_EQ(answer(list({nil(), nil()}))[0], "MGET");
}

TEST_F(SessionStoreTest, AnErrorIsNoAbsenceAndIsToldOnce) {
  const auto asks = [&](shared::Result<RedisValue> reply) {
    const auto asked_for = lookup("abc");
    EXPECT_TRUE(store.look_up(asked_for));
    answer(std::move(reply));
  };
  asks(error("NOPERM this user has no permissions to run the 'mget' command"));
  EXPECT_NE(store.read_reason().find("NOPERM"), std::string::npos);
  EXPECT_EQ(known("abc").kind, SessionTable::Kind::unknown) << "nobody has said that it is not there";
  asks(error("MOVED 1 192.0.2.1:6379"));
  EXPECT_NE(store.read_reason().find("MOVED"), std::string::npos);
  asks(error("NOPERM this user has no permissions to run the 'mget' command"));
  asks(shared::fail("the connection is lost"));
  EXPECT_NE(store.read_reason().find("NOPERM"), std::string::npos) << "nothing new is known of it";
  asks(list({nil(), nil()}));
  EXPECT_EQ(store.read_reason(), "");
}

// As of a cluster's node, which has some of the keys and says MOVED of the others.
TEST_F(SessionStoreTest, ErrorsThatComeAndGoFillNoLog) {
  const shared::LogCapture log;
  for (int i = 0; i < 10; ++i) {
    for (const bool refused : {true, false}) {
      EXPECT_TRUE(store.look_up(lookup("abc")));
      answer(refused ? error("MOVED 1 192.0.2.1:6379") : list({nil(), nil()}));
    }
  }
  EXPECT_EQ(log.lines().size(), 2U) << "that it is so, and that it is over";
}

TEST_F(SessionStoreTest, WhatAServerHasIsWrittenAndEnds) {
  store.note(fact(SessionFact::Kind::has, "abc", "10.0.0.1:80"));
  EXPECT_EQ(answer(text("OK")), (Command{"SET", key("abc"), "10.0.0.1:80", "EX", "60"}));
  EXPECT_EQ(sessions->live->written.load(), 1U);
  store.note(fact(SessionFact::Kind::has, "abc", "10.0.0.2:80"));
  answer(error("OOM command not allowed when used memory > 'maxmemory'."));
  EXPECT_EQ(failures(), 1U);
  EXPECT_NE(store.reason().find("OOM"), std::string::npos);
  store.note(fact(SessionFact::Kind::has, "abc", "10.0.0.2:80"));
  answer(text("OK"));
  EXPECT_EQ(store.reason(), "");
}

TEST_F(SessionStoreTest, WhatIsUsedIsAskedForAgain) {
  const auto use = [&](const std::string& server) { store.note(fact(SessionFact::Kind::used, "abc", server)); };
  use("a:80");
  EXPECT_EQ(answer(list({text("a:80"), nil()}))[0], "MGET");
  EXPECT_EQ(answer(one()), (Command{"EXPIRE", key("abc"), "60"}));
  use("a:80");
  answer(list({nil(), nil()}));  // Redis has lost it
  EXPECT_EQ(answer(text("OK")), (Command{"SET", key("abc"), "a:80", "EX", "60", "NX"}));
  sessions->live->table.know(sessions->id_of("abc"), server_tag("a:80"), shared::Clock::now() - seconds(1));
  use("a:80");
  answer(list({text("b:80"), nil()}));  // another edge has moved it
  EXPECT_EQ(answer(one())[0], "EXPIRE");
  EXPECT_EQ(known("abc").server, server_tag("b:80"));
  use("b:80");
  answer(list({nil(), text("c:80")}));  // as it was written under the key before
  EXPECT_EQ(answer(nil()), (Command{"SET", key("abc"), "c:80", "EX", "60", "NX"}));
  use("b:80");
  answer(shared::fail("no reply within 250ms"));
  run_for(loop, shared::milliseconds(5));
  EXPECT_TRUE(asked.empty());
}

TEST_F(SessionStoreTest, WithoutRedisInTheConfigurationNothingIsAsked) {
  store.set(pools, "");
  EXPECT_EQ(sessions->live->store(), SessionsLive::Store::away);
  ASSERT_TRUE(store.look_up(lookup("abc")));
  run_for(loop, shared::milliseconds(5));
  EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace edge::session_store_test
