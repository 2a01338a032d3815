#include "edge/core/pool/learned_sessions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/edge/core/pool_world.h"

namespace edge::learned_sessions_test {
namespace {

using shared::seconds;
using test::Algorithm;
using test::PoolWorld;
using Store = SessionsLive::Store;

constexpr shared::SipKey kSecret{1, 2, 3};
constexpr shared::SipKey kOlder{4, 5, 6};
constexpr shared::TimePoint kNow{std::chrono::hours(70)};

http::FieldList with(std::string_view name, std::string_view value) {
  http::FieldList fields;
  EXPECT_TRUE(fields.push({.name = name, .value = value, .id = http::field_id(name)}));
  return fields;
}

LearnedSessions sessions_of(const Pool& pool, LearnedSessions::By by = LearnedSessions::By::cookie) {
  LearnedSessions made;
  made.by = by;
  made.name = by == LearnedSessions::By::cookie ? "JSESSIONID" : "X-Session";
  made.pool = "web";
  made.keys = {session_key(kSecret, "web"), session_key(kOlder, "web")};
  made.ttl = seconds(600);
  made.refresh = seconds(10);
  made.wait = shared::milliseconds(50);
  std::vector<HashMember> members;
  for (std::uint16_t i = 0; i < pool.servers.size(); ++i) {
    made.known.push_back({server_tag(pool.servers[i].name), i});
    members.push_back({pool.servers[i].name, i, 1});
  }
  std::ranges::sort(made.known, {}, &LearnedSessions::Known::tag);
  made.order.emplace_back(make_hash_slots("shop", members));
  made.live = std::make_shared<SessionsLive>(
      1000, SessionTable::Lifetimes{.known = seconds(600), .absent = LearnedSessions::kAbsentFor}, 5);
  return made;
}

struct World : PoolWorld {
  LearnedSessions sessions;
  World() : PoolWorld(Algorithm::round_robin, {1, 1, 1}), sessions(sessions_of(pool)) {
    now = kNow;
    sessions.live->tell_store(Store::up, kNow - seconds(100));
  }
};

TEST(LearnedSessions, AServersCookieIsReadAsABrowserWould) {
  const auto given = [](std::string_view field) { return std::string(cookie_given_by(field, "JSESSIONID")); };
  EXPECT_EQ(given("JSESSIONID=abc; Path=/; HttpOnly"), "abc");
  EXPECT_EQ(given("JSESSIONID = abc"), "abc");
  EXPECT_EQ(given("JSESSIONID=a=b.route1"), "a=b.route1");
  EXPECT_EQ(given("JSESSIONID=\"abc\""), "\"abc\"") << "a client sends it back so";
  EXPECT_EQ(given("jsessionid=abc"), "") << "names of cookies have a case";
  EXPECT_EQ(given("XJSESSIONID=abc"), "");
  EXPECT_EQ(given("JSESSIONID=; Path=/"), "");
  EXPECT_EQ(given("JSESSIONID"), "");
  EXPECT_EQ(given("other; JSESSIONID=abc"), "");
  EXPECT_EQ(given("JSESSIONID=abc; Max-Age=0; Path=/"), "") << "it is over";
  EXPECT_EQ(given("JSESSIONID=abc;max-age=-1"), "");
  EXPECT_EQ(given("JSESSIONID=abc; Max-Age=60"), "abc");
  EXPECT_EQ(given("JSESSIONID=abc; Max-Age"), "abc");
  EXPECT_EQ(given("JSESSIONID=abc; Max-Age="), "abc");
}

TEST(LearnedSessions, ARequestsSessionIsItsCookieOrItsField) {
  const World world;
  EXPECT_EQ(world.sessions.value_of(with("Cookie", "a=1; JSESSIONID=abc")), "abc");
  EXPECT_EQ(world.sessions.value_of(with("Cookie", "a=1")), "");
  const std::string long_one = "JSESSIONID=" + std::string(LearnedSessions::kMostValue + 1, 'x');
  EXPECT_EQ(world.sessions.value_of(with("Cookie", long_one)), "") << "that is no session";
  EXPECT_EQ(world.sessions.given_by(with("Set-Cookie", "JSESSIONID=abc")), "abc");
  EXPECT_EQ(world.sessions.given_by(with("Set-Cookie", long_one)), "");
  http::FieldList two = with("Set-Cookie", "JSESSIONID=first");
  EXPECT_TRUE(two.push({.name = "Set-Cookie", .value = "JSESSIONID=last", .id = http::FieldId::set_cookie}));
  EXPECT_EQ(world.sessions.given_by(two), "last");
  const LearnedSessions by_field = sessions_of(world.pool, LearnedSessions::By::header);
  EXPECT_EQ(by_field.value_of(with("x-session", "abc")), "abc");
  EXPECT_EQ(by_field.given_by(with("X-Session", "abc")), "abc");
  EXPECT_EQ(by_field.given_by(with("Set-Cookie", "X-Session=abc")), "");
}

TEST(LearnedSessions, IdsTellNothingAndAreAPoolsOwn) {
  const World world;
  const SessionToken one = world.sessions.id_of("abc");
  EXPECT_EQ(one, world.sessions.id_of("abc"));
  EXPECT_NE(one, world.sessions.id_of("abd"));
  EXPECT_NE(one, world.sessions.id_of("abc", 1)) << "under an older key it has another";
  EXPECT_NE(one.high, one.low);
  EXPECT_NE(session_key(kSecret, "web"), session_key(kSecret, "api"));
  EXPECT_NE(session_key(kSecret, "web"), kSecret);
  const std::string as_long_as_may_be(LearnedSessions::kMostValue, 'x');
  EXPECT_NE(world.sessions.id_of(as_long_as_may_be), world.sessions.id_of(as_long_as_may_be.substr(1)));
}

TEST(LearnedSessions, WhatIsKnownIsFoundAndNowAndThenAskedForAgain) {
  World world;
  EXPECT_EQ(look_up(world.sessions, "", kNow).end, SessionEnd::none);
  EXPECT_EQ(look_up(world.sessions, "abc", kNow).end, SessionEnd::asked);
  world.sessions.live->table.know(world.sessions.id_of("abc"), server_tag("a1"), kNow);
  AskedSession asked = look_up(world.sessions, "abc", kNow + seconds(9));
  EXPECT_EQ(asked.end, SessionEnd::known);
  EXPECT_FALSE(asked.due);
  EXPECT_EQ(world.sessions.server_of(asked.tag), 1);
  EXPECT_EQ(world.sessions.server_of(server_tag("gone")), std::nullopt);
  EXPECT_TRUE(look_up(world.sessions, "abc", kNow + seconds(10)).due);
  world.sessions.live->table.hear(world.sessions.id_of("nobodys"), std::nullopt, kNow);
  EXPECT_EQ(look_up(world.sessions, "nobodys", kNow).end, SessionEnd::absent);
}

// A store that comes back may have lost what was written.
TEST(LearnedSessions, AStoreThatComesBackIsAskedForWhatItHas) {
  World world;
  world.sessions.live->table.know(world.sessions.id_of("abc"), server_tag("a1"), kNow);
  world.sessions.live->tell_store(Store::away, kNow + seconds(1));
  EXPECT_FALSE(look_up(world.sessions, "abc", kNow + seconds(2)).due);
  EXPECT_EQ(look_up(world.sessions, "other", kNow + seconds(2)).end, SessionEnd::away) << "nobody waits";
  world.sessions.live->tell_store(Store::up, kNow + seconds(3));
  EXPECT_TRUE(look_up(world.sessions, "abc", kNow + seconds(4)).due);
  world.sessions.live->table.touch(world.sessions.id_of("abc"), kNow + seconds(4));
  EXPECT_FALSE(look_up(world.sessions, "abc", kNow + seconds(5)).due);
}

TEST(LearnedSessions, OneClientThatMakesSessionsUpDoesNotAskForOthers) {
  SessionsLive live(64, {.known = seconds(60), .absent = seconds(2)}, 5);
  const shared::IpAddress attacker = *shared::IpAddress::parse("2001:db8::1");
  const shared::IpAddress same_network = *shared::IpAddress::parse("2001:db8:0:ff::2");
  const shared::IpAddress other = *shared::IpAddress::parse("192.0.2.1");
  int asked = 0;
  for (int i = 0; i < 5000; ++i) asked += live.may_ask(attacker, kNow) ? 1 : 0;
  EXPECT_EQ(asked, 10 * static_cast<int>(SessionsLive::kClientAsks));
  EXPECT_FALSE(live.may_ask(same_network, kNow)) << "an IPv6 client is its network";
  EXPECT_TRUE(live.may_ask(other, kNow));
  EXPECT_TRUE(live.may_ask(attacker, kNow + seconds(1)));
}

TEST(LearnedSessions, AllTogetherAreBoundedToo) {
  SessionsLive live(64, {.known = seconds(60), .absent = seconds(2)}, 5);
  std::uint32_t asked = 0;
  for (std::uint32_t i = 0; i < 2 * SessionsLive::kAllAsk; ++i) {
    asked += live.may_ask(shared::IpAddress::v4(0x0A000000 + i), kNow) ? 1U : 0U;
  }
  EXPECT_EQ(asked, SessionsLive::kAllAsk);
}

// pick() with sessions: its server, else the hash, on each edge the same and whatever `balance` says.
TEST(LearnedSessions, WhoCannotHaveItsServerGoesByItsHash) {
  World one;
  World two;
  for (World* world : {&one, &two}) {
    world->pool.sticky.learned = std::make_shared<const LearnedSessions>(world->sessions);
  }
  const auto picked = [](World& world, std::string_view value, std::optional<std::uint16_t> session) {
    BalanceState state(static_cast<std::uint32_t>(value.size()));
    shared::RecordingTrace trace;
    PickContext context = world.context(world.sessions.hash_of(value));
    context.session = session;
    context.by_session = true;
    const Server* server = pick(world.pool, context, state, trace);
    return server == nullptr ? std::string() : server->name + " " + trace.lines().back().text;
  };
  EXPECT_EQ(picked(one, "abc", std::uint16_t{2}), "a2 a2, which has its session");
  std::set<std::string> servers;
  for (int i = 0; i < 40; ++i) {
    const std::string value = "session-" + std::to_string(i);
    const std::string at = picked(one, value, std::nullopt);
    EXPECT_EQ(at, picked(two, value, std::nullopt));
    EXPECT_NE(at.find("by its session's hash"), std::string::npos);
    servers.insert(at.substr(0, 2));
  }
  EXPECT_EQ(servers.size(), 3U);
  for (World* world : {&one, &two}) world->server(2).state.set_health(shared::HealthState::down);
  const std::string moved = picked(one, "abc", std::uint16_t{2});
  EXPECT_NE(moved.substr(0, 2), "a2");
  EXPECT_EQ(moved, picked(two, "abc", std::uint16_t{2})) << "where it goes every edge knows";
}

TEST(LearnedSessions, ExplainSaysWhatIsKnown) {
  World world;
  const auto words = [&](std::string_view value, std::string_view server = "") {
    return words_of(world.sessions, look_up(world.sessions, value, kNow + seconds(3)), server);
  };
  world.sessions.live->table.know(world.sessions.id_of("abc"), server_tag("a1"), kNow);
  EXPECT_EQ(words("abc", "a1"), "JSESSIONID: at a1, as this edge has known for 3s");
  EXPECT_NE(words("abc").find("its server is gone"), std::string::npos);
  EXPECT_EQ(words(""), "JSESSIONID: none");
  EXPECT_NE(words("new").find("Redis is asked, which it waits for at most 50ms"), std::string::npos);
  world.sessions.live->table.hear(world.sessions.id_of("no"), std::nullopt, kNow + seconds(2));
  EXPECT_NE(words("no").find("Redis does not know it"), std::string::npos);
  world.sessions.live->tell_store(Store::away, kNow);
  EXPECT_NE(words("new").find("Redis cannot be asked"), std::string::npos);
  const SessionsLive nobodys(64, {.known = seconds(60), .absent = seconds(2)}, 5);
  EXPECT_EQ(nobodys.store(), Store::none);
  world.sessions = sessions_of(world.pool);
  EXPECT_NE(words("new").find("only a running edge can say"), std::string::npos);
}

TEST(LearnedSessions, EachEndHasAName) {
  EXPECT_EQ(name_of(SessionEnd::known), "known");
  EXPECT_EQ(name_of(SessionEnd::away), "away");
  EXPECT_EQ(name_of(SessionEnd::failed), "failed");
  EXPECT_EQ(name_of(SessionEnd::asked), "asked");
  EXPECT_EQ(static_cast<std::size_t>(SessionEnd::failed) + 1, kSessionEnds);
}

}  // namespace
}  // namespace edge::learned_sessions_test
