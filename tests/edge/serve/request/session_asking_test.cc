// A request with a session that servers make: what it waits for, where it goes, and what is learned of its answer.
#include "edge/serve/request/session_asking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "edge/core/pool/hash_slots.h"
#include "edge/serve/redis/session_store.h"
#include "tests/edge/serve/fake_server.h"
#include "tests/shared/serve/run_until.h"

namespace edge::test::session_asking_test {
namespace {

using Command = std::vector<std::string>;
using Store = SessionsLive::Store;

RedisValue answer_of(std::string server) {
  RedisValue item;
  if (!server.empty()) item = {.kind = RedisValue::Kind::text, .text = std::move(server)};
  return {.kind = RedisValue::Kind::array, .items = {item}};
}

// Two servers whose sessions are learned, and a Redis that is the test.
struct World : FakeWorker {
  explicit World(shared::milliseconds wait = shared::milliseconds(60'000)) : FakeWorker(2) {
    auto mine = std::make_shared<LearnedSessions>();
    mine->name = "SID";
    mine->pool = "web";
    mine->keys = {session_key({1}, "web")};
    mine->ttl = shared::seconds(600);
    mine->refresh = shared::seconds(10);
    mine->wait = wait;
    std::vector<HashMember> members;
    for (std::uint16_t i = 0; i < pool.servers.size(); ++i) {
      mine->known.push_back({server_tag(pool.servers[i].name), i});
      members.push_back({pool.servers[i].name, i, 1});
    }
    std::ranges::sort(mine->known, {}, &LearnedSessions::Known::tag);
    mine->order.emplace_back(make_hash_slots("shop", members));
    mine->live = std::make_shared<SessionsLive>(
        1000, SessionTable::Lifetimes{.known = shared::seconds(600), .absent = LearnedSessions::kAbsentFor}, 5);
    sessions = mine;
    pool.sticky.learned = sessions;
    store.set(Pools({pool}), "m");
    context().sessions = &store;
    loop.poll();
  }
  // The next question of the store.
  Command next() {
    EXPECT_TRUE(shared::test::run_until(control, [&] { return !asked.empty(); }));
    return asked.empty() ? Command{} : asked.front().first;
  }
  void answer(const shared::Result<RedisValue>& reply) {
    next();
    const auto [command, done] = std::move(asked.front());
    asked.pop_front();
    done(reply);
  }
  void know(std::string_view value, std::size_t server, shared::Duration ago = {}) {
    sessions->live->table.know(sessions->id_of(value), server_tag(pool.servers[server].name),
                               shared::Clock::now() - ago);
  }
  [[nodiscard]] std::optional<std::uint16_t> known(std::string_view value) const {
    const auto found = sessions->live->table.find(sessions->id_of(value), shared::Clock::now());
    return found.kind == SessionTable::Kind::known ? sessions->server_of(found.server) : std::nullopt;
  }
  [[nodiscard]] std::uint64_t ends(SessionEnd end) const {
    return sessions->live->requests[static_cast<std::size_t>(end)].load();
  }
  [[nodiscard]] std::size_t by_hash(std::string_view value) const {
    const auto& slots = std::get<HashSlots>(sessions->order.front());
    return slots.slots[slot_of(sessions->hash_of(value), 0)];
  }

  std::shared_ptr<const LearnedSessions> sessions;
  shared::Loop control{shared::kOneThread};
  bool up = true;
  std::deque<std::pair<Command, RedisReply>> asked;
  SessionStore store{
      control,
      {.up = [this] { return up; },
       .ask = [this](const Command& command, RedisReply reply) { asked.emplace_back(command, std::move(reply)); }}};
};

struct Asking {
  FakeSource source;
  FakeSink sink;
  Served served;

  explicit Asking(World& world, const std::string& session = "")
      : source(get("/", session.empty() ? "" : "Cookie: SID=" + session + "\r\n")), served(world, source, sink) {}
};

// Both servers, and who of them has heard a request.
struct Servers {
  explicit Servers(World& world) : ends{FakeServer(world, 0), FakeServer(world, 1)} {}
  int asked() {
    for (int i = 0; i < 2; ++i) {
      if (!ends[static_cast<std::size_t>(i)].heard().empty()) return i;
    }
    return -1;
  }
  void say(std::size_t server, const std::string& more = "") {
    ends[server].say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + more + "\r\n");
  }
  std::array<FakeServer, 2> ends;
};

TEST(SessionAsking, ASessionThatAServerMakesIsLearnedAndWritten) {
  World world;
  Servers servers(world);
  Asking asking(world);
  EXPECT_FALSE(asking.served.done());
  const int server = servers.asked();
  ASSERT_NE(server, -1);
  servers.say(static_cast<std::size_t>(server), "Set-Cookie: SID=abc; Path=/\r\n");
  EXPECT_TRUE(asking.served.done());
  EXPECT_EQ(world.known("abc"), server);
  const Command written = world.next();
  ASSERT_GE(written.size(), 3U);
  EXPECT_EQ(written[0], "SET");
  EXPECT_EQ(written[2], world.pool.servers[static_cast<std::size_t>(server)].name);
  EXPECT_EQ(written[1].find("abc"), std::string::npos) << "the session itself is not told to Redis";
  EXPECT_EQ(world.sessions->live->learned.load(), 1U);
}

TEST(SessionAsking, OneThatIsKnownGoesThereAtOnce) {
  World world;
  Servers servers(world);
  world.know("abc", 1 - world.by_hash("abc"));
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), static_cast<int>(1 - world.by_hash("abc")));
  EXPECT_EQ(world.ends(SessionEnd::known), 1U);
  shared::test::run_for(world.control, shared::milliseconds(5));
  EXPECT_TRUE(world.asked.empty());
}

TEST(SessionAsking, OneThatAnotherEdgeKnowsIsWaitedFor) {
  World world;
  Servers servers(world);
  const std::size_t server = 1 - world.by_hash("abc");
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), -1);
  world.answer(answer_of(world.pool.servers[server].name));
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), static_cast<int>(server));
  EXPECT_EQ(world.ends(SessionEnd::found), 1U);
  servers.say(server);
  EXPECT_TRUE(asking.served.done());
  EXPECT_EQ(asking.sink.status, 200);
  EXPECT_TRUE(world.asked.empty()) << "nothing has changed";
}

// What a client makes up is never written, whatever the server says.
TEST(SessionAsking, OneThatNobodyHasGoesByItsHashAndIsNotWritten) {
  World world;
  Servers servers(world);
  Asking asking(world, "made-up");
  EXPECT_FALSE(asking.served.done());
  world.answer(answer_of(""));
  EXPECT_FALSE(asking.served.done());
  const std::size_t server = world.by_hash("made-up");
  EXPECT_EQ(servers.asked(), static_cast<int>(server));
  servers.say(server);
  EXPECT_TRUE(asking.served.done());
  EXPECT_EQ(world.ends(SessionEnd::absent), 1U);
  EXPECT_EQ(world.known("made-up"), std::nullopt);
  shared::test::run_for(world.control, shared::milliseconds(5));
  EXPECT_TRUE(world.asked.empty());
}

TEST(SessionAsking, AnAnswerThatIsLateIsNotWaitedForAndGoodForTheNext) {
  World world(shared::milliseconds(1));
  Servers servers(world);
  const std::size_t hashed = world.by_hash("abc");
  Asking asking(world, "abc");
  for (int i = 0; i < 1000 && world.ends(SessionEnd::late) == 0; ++i) {
    ::usleep(1000);
    static_cast<void>(asking.served.done());
  }
  EXPECT_EQ(world.ends(SessionEnd::late), 1U);
  EXPECT_EQ(servers.asked(), static_cast<int>(hashed));
  world.answer(answer_of(world.pool.servers[1 - hashed].name));
  world.loop.poll();
  EXPECT_EQ(world.known("abc"), 1 - hashed);
}

TEST(SessionAsking, WithoutRedisNobodyWaits) {
  World world;
  Servers servers(world);
  world.up = false;
  world.store.look_at_redis();
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), static_cast<int>(world.by_hash("abc")));
  EXPECT_EQ(world.ends(SessionEnd::away), 1U);
}

TEST(SessionAsking, AnErrorOfRedisIsNotItsAbsence) {
  World world;
  Servers servers(world);
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  world.answer(RedisValue{.kind = RedisValue::Kind::error, .text = "NOPERM"});
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), static_cast<int>(world.by_hash("abc")));
  EXPECT_EQ(world.ends(SessionEnd::failed), 1U);
  EXPECT_EQ(world.ends(SessionEnd::away), 0U);
}

TEST(SessionAsking, RedisThatGoesAwayLetsThoseGoWhoWait) {
  World world;
  Servers servers(world);
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  world.next();
  world.up = false;
  world.store.look_at_redis();
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), static_cast<int>(world.by_hash("abc")));
  EXPECT_EQ(world.ends(SessionEnd::away), 1U);
}

TEST(SessionAsking, OneWhoseServerIsGoneMovesAndThatIsWritten) {
  World world;
  Servers servers(world);
  world.sessions->live->table.know(world.sessions->id_of("abc"), server_tag("10.9.9.9:80"), shared::Clock::now());
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  const std::size_t server = world.by_hash("abc");
  EXPECT_EQ(servers.asked(), static_cast<int>(server));
  servers.say(server);
  EXPECT_TRUE(asking.served.done());
  EXPECT_EQ(world.known("abc"), server);
  EXPECT_EQ(world.sessions->live->moved.load(), 1U);
  const Command written = world.next();
  EXPECT_EQ(written[0], "SET");
  EXPECT_EQ(written[2], world.pool.servers[server].name);
}

TEST(SessionAsking, WhatIsKnownForLongIsAskedForBehindTheRequestsBack) {
  World world;
  Servers servers(world);
  world.know("abc", 0, shared::seconds(11));
  Asking asking(world, "abc");
  EXPECT_FALSE(asking.served.done());
  EXPECT_EQ(servers.asked(), 0) << "it does not wait";
  EXPECT_EQ(world.next()[0], "MGET");
  servers.say(0);
  EXPECT_TRUE(asking.served.done());
  Asking again(world, "abc");
  static_cast<void>(again.served.done());
  shared::test::run_for(world.control, shared::milliseconds(5));
  EXPECT_EQ(world.asked.size(), 1U) << "once";
}

TEST(SessionAsking, OneThatIsTakenAwayLeavesNobodyBehind) {
  World world;
  {
    const Asking asking(world, "abc");
  }
  world.answer(answer_of("web0"));
  world.loop.poll();
  EXPECT_EQ(world.known("abc"), 0);
}

}  // namespace
}  // namespace edge::test::session_asking_test
