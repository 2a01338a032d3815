#include "dns/core/answer/bindings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::bindings_test {
namespace {

using test::Asked;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

constexpr const char* kEu = "198.51.100.0/24";
constexpr const char* kUs = "192.0.2.0/24";

[[nodiscard]] const Snapshot& world() {
  static const Snapshot snapshot = test::example_world();
  return snapshot;
}

[[nodiscard]] QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder;
}

[[nodiscard]] Asked ask(const Snapshot& snapshot, const std::string& name, RrType type, const std::string& subnet) {
  const Asked asked = test::exchange(snapshot, query(name, type).subnet(subnet));
  EXPECT_TRUE(asked.reply.sound) << name;
  EXPECT_TRUE(asked.reply.option(8)) << name;
  return asked;
}

[[nodiscard]] Asked ask(const std::string& name, RrType type, const std::string& subnet) {
  return ask(world(), name, type, subnet);
}

TEST(Bindings, AreTheAddressesThatTheClientIsGiven) {
  const Asked eu = ask("www.example.com", RrType::https, kEu);
  EXPECT_EQ(eu.reply.answer, Lines{"www.example.com. 60 IN HTTPS \\# 000100000100030268320004000"
                                   "4cb00711f0006001020010db8000300000000000000000031"});
  EXPECT_EQ(eu.scope, 24U);
  EXPECT_EQ(eu.reply.additional,
            (Lines{"www.example.com. 60 IN A 203.0.113.31", "www.example.com. 60 IN AAAA 2001:db8:3::31"}));
  const Asked us = ask("www.example.com", RrType::https, kUs);
  EXPECT_EQ(us.reply.answer, Lines{"www.example.com. 60 IN HTTPS \\# 000100000100030268320004000"
                                   "4c000020b0006001020010db8000100000000000000000011"});
  EXPECT_EQ(us.scope, ask("www.example.com", RrType::a, kUs).scope);
}

TEST(Bindings, FollowHealth) {
  Snapshot down = world();
  HealthView health = HealthView::all_up(down.policies->spec().regions);
  std::ranges::fill(health.regions[1].edges, EdgeState::down);
  down.answers = AnswerSets::build(*down.policies, health, down.answers->aliases());
  const Asked eu = ask(down, "www.example.com", RrType::https, kEu);
  EXPECT_NE(eu.reply.answer.front().find("0004c000020b"), std::string::npos) << eu.reply.answer.front();
  EXPECT_EQ(eu.reply.additional,
            (Lines{"www.example.com. 60 IN A 192.0.2.11", "www.example.com. 60 IN AAAA 2001:db8:1::11"}));
}

TEST(Bindings, AHintWithoutAddressesIsLeftOut) {
  // four.example.com has IPv4 only; its own TTL is longer than that of the binding.
  const Asked asked = ask("to-four.example.com", RrType::svcb, kEu);
  EXPECT_EQ(asked.reply.answer, Lines{"to-four.example.com. 50 IN SVCB \\# 000204666f757207657861"
                                      "6d706c6503636f6d0000040004cb00711f"});
  EXPECT_EQ(asked.scope, 24U);
}

TEST(Bindings, FollowAnAliasOfTheTarget) {
  const Asked asked = ask("to-chain.example.com", RrType::https, kEu);
  EXPECT_EQ(asked.reply.answer, Lines{"to-chain.example.com. 50 IN HTTPS \\# 00010773746565726564076578"
                                      "616d706c6503636f6d0000040004cb00711f"});
}

// What a resolver may keep for how many clients is the choice's, however the binding was reached.
TEST(Bindings, BehindACnameHaveTheScopeOfTheChoice) {
  for (const char* subnet : {kEu, kUs}) {
    const Asked direct = ask("www.example.com", RrType::https, subnet);
    const Asked behind = ask("steered.example.com", RrType::https, subnet);
    ASSERT_EQ(behind.reply.answer.size(), 2U);
    EXPECT_EQ(behind.reply.answer[1], direct.reply.answer[0]);
    EXPECT_EQ(behind.scope, direct.scope);
    EXPECT_GT(behind.scope, 0U);
    EXPECT_EQ(ask("to-chain.example.com", RrType::https, subnet).scope, direct.scope) << "the target is an alias";
  }
}

TEST(Bindings, OfStaticTargetsStayAsTheyAre) {
  const Asked asked = ask("to-static.example.com", RrType::https, kEu);
  EXPECT_EQ(asked.reply.answer, Lines{"to-static.example.com. 50 IN HTTPS \\# 00010673746174696307657861"
                                      "6d706c6503636f6d0000040004c0000250"});
  EXPECT_EQ(asked.scope, 0U);
}

TEST(Bindings, ComeBehindAnAliasModeRecord) {
  const Asked asked = ask("to-www.example.com", RrType::https, kEu);
  ASSERT_EQ(asked.reply.answer.size(), 1U);
  ASSERT_EQ(asked.reply.additional.size(), 3U);
  EXPECT_NE(asked.reply.additional[0].find("0004cb00711f"), std::string::npos) << asked.reply.additional[0];
  EXPECT_EQ(asked.scope, 24U);
}

// RFC 9460 section 2.4.2: parameters of AliasMode mean nothing, so nothing is made of them.
TEST(Bindings, OfAnAliasModeRecordStayAsTheyAre) {
  test::ZoneText text = test::example_zone();
  text.lines.emplace_back("odd 50 SVCB \\# 000003777777076578616d706c6503636f6d0000040004c0000201");
  Snapshot snapshot = world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked asked = ask(snapshot, "odd.example.com", RrType::svcb, kEu);
  EXPECT_EQ(asked.reply.answer, Lines{"odd.example.com. 50 IN SVCB \\# 000003777777076578616d706c6503636f6d00"
                                      "00040004c0000201"});
}

TEST(Bindings, OfARegionThatIsACnameAreLeftOut) {
  const Asked asked = ask("to-mixed.example.com", RrType::https, kEu);
  EXPECT_EQ(asked.reply.answer,
            Lines{"to-mixed.example.com. 50 IN HTTPS \\# 0001056d69786564076578616d706c6503636f6d0000030002"
                  "01bb"});
  EXPECT_TRUE(asked.reply.additional.empty());
  EXPECT_EQ(asked.scope, 24U);
  const Asked us = ask("to-mixed.example.com", RrType::https, kUs);
  EXPECT_NE(us.reply.answer.front().find("00040004c000020b"), std::string::npos) << us.reply.answer.front();
}

// A set is said whole or not at all, also if it is put together RR by RR: what was said of it goes again.
TEST(Bindings, ThatDoNotFitTruncate) {
  test::ZoneText text = test::example_zone();
  for (int i = 0; i < 16; ++i)
    text.lines.push_back("wide 50 SVCB \\# 00" + std::to_string(10 + i) +
                         "03777777076578616d706c6503636f6d0000040004c0000201");
  Snapshot snapshot = world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked whole = test::exchange(snapshot, query("wide.example.com", RrType::svcb).with_edns());
  EXPECT_EQ(whole.reply.answer.size(), 16U);
  EXPECT_FALSE(whole.reply.tc());
  const Asked cut = test::exchange(snapshot, query("wide.example.com", RrType::svcb));
  EXPECT_TRUE(cut.reply.sound && cut.reply.tc());
  EXPECT_TRUE(cut.reply.answer.empty());
}

}  // namespace
}  // namespace dns::bindings_test
