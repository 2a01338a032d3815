#include "edge/core/decide/at_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "edge/core/pool/learned_sessions.h"
#include "edge/core/route/gate.h"
#include "tests/edge/core/decide_world.h"

namespace edge::test::at_cache_test {
namespace {

class AtCache : public ::testing::Test {
 protected:
  AtCache() {
    world_.add_pool("web", Algorithm::round_robin, {1});
    auto rule = std::make_shared<CacheRule>();
    rule->request_directives = true;
    world_.add_route("/", PoolId{0}).cache = rule;
  }

  CacheQuestion ask(std::string_view more, const http::RequestFraming& framing = {},
                    const std::shared_ptr<const Principal>& identity = nullptr) {
    Asker asker(world_, "/a?b", more);
    BalanceState balance;
    Decision decision = asker.decide_in(world_, balance);
    if (identity != nullptr) decision.match.identity = identity;
    return ask_cache(decision,
                     {.head = asker.head, .framing = framing, .scheme = "http", .tiers = *asker.snapshot->tiers});
  }

  DecideWorld world_;
};

TEST_F(AtCache, LooksForWhatIsAskedFor) {
  const CacheQuestion question = ask("");
  EXPECT_EQ(question.url, "shop.example/a?b");
  EXPECT_TRUE(question.forward.empty());
}

TEST_F(AtCache, PassesWhatIsNotStored) {
  EXPECT_EQ(ask("If-Match: \"x\"\r\n").why_forward, "a condition for the server");
  EXPECT_EQ(ask("Cache-Control: no-store\r\n").why_forward, "no-store");
  EXPECT_EQ(ask("X-HTTP-Method-Override: PUT\r\n").forward, "bypass");
  EXPECT_EQ(ask("", {.body = {http::BodyKind::length, 3}}).forward, "bypass");
  EXPECT_TRUE(ask("", {.body = {http::BodyKind::length, 0}}).forward.empty());
}

// To the route before, which a tier has led away from: this one has no gate.
TEST_F(AtCache, PassesWhoHasSaidWhoHeIs) {
  EXPECT_EQ(ask("", {}, std::make_shared<const Principal>()).forward, "bypass");
  EXPECT_TRUE(ask("").forward.empty());
}

// Also of one that another edge has heard of, or that was lost with the store.
TEST_F(AtCache, PassesSessionsThatServersMakeWhetherTheyAreKnownOrNot) {
  auto sessions = std::make_shared<LearnedSessions>();
  sessions->name = "JSESSIONID";
  sessions->keys = {shared::SipKey{1}};
  sessions->live = std::make_shared<SessionsLive>(
      64, SessionTable::Lifetimes{.known = std::chrono::minutes(10), .absent = LearnedSessions::kAbsentFor}, 1);
  world_.pools.front().sticky.learned = sessions;
  EXPECT_TRUE(ask("").forward.empty());
  const std::string_view cookie = "Cookie: JSESSIONID=abc\r\n";
  sessions->live->tell_store(SessionsLive::Store::away, world_.now);
  EXPECT_EQ(ask(cookie).forward, "bypass");
  sessions->live->tell_store(SessionsLive::Store::up, world_.now);
  EXPECT_EQ(ask(cookie).forward, "bypass");
  sessions->live->table.hear(sessions->id_of("abc"), std::nullopt, world_.now);
  EXPECT_EQ(ask(cookie).forward, "bypass");
  sessions->live->table.know(sessions->id_of("abc"), server_tag("web0"), world_.now);
  EXPECT_EQ(ask(cookie).forward, "bypass");
}

// What a canary's servers answer is not for those who are not sent there.
TEST_F(AtCache, WhatOnlySomeClientsGetIsKeptApart) {
  const std::string everybody = ask("").selector;
  Conditions& conditions = world_.routes.front().conditions;
  conditions.share = 1;
  EXPECT_NE(ask("").selector, everybody);
  conditions.share.reset();
  conditions.headers.push_back({.name = "X-Preview", .value = std::nullopt});
  EXPECT_NE(ask("X-Preview: 1\r\n").selector, everybody);
  conditions.headers.clear();
  conditions.cookies.push_back({.name = "canary", .value = "yes"});
  EXPECT_NE(ask("Cookie: canary=yes\r\n").selector, everybody);
  conditions.cookies.clear();
  conditions.methods = 1U << static_cast<unsigned>(http::Method::get);
  EXPECT_EQ(ask("").selector, everybody);
}

}  // namespace
}  // namespace edge::test::at_cache_test
