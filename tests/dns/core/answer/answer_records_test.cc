// Answers of names whose records are made, not stored: service bindings with a client's own address hints, regions that
// are a CNAME, ALIAS names. The world is that of tests/support/dns_world.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "dns/core/answer/answer.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::answer_records_test {
namespace {

using test::Bytes;
using test::ParsedReply;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

constexpr const char* kEu = "198.51.100.0/24";
constexpr const char* kUs = "192.0.2.0/24";
constexpr const char* kSoa =
    "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 2026112201 7200 3600 1209600 300";

struct Asked {
  AnswerInfo info;
  ParsedReply reply;
  unsigned scope = 0;
};

[[nodiscard]] Asked ask(const Snapshot& snapshot, const std::string& name, RrType type, const std::string& subnet = "",
                        std::size_t room = kMaxMessageSize) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  builder.with_edns();
  if (!subnet.empty()) builder.subnet(subnet);
  const Bytes packet = builder.build();
  Bytes out(room);
  test::Asker asker;
  asker.client = shared::IpAddress::parse("192.0.2.200").value();
  asker.transport = Transport::tcp;
  NullTrace trace;
  Asked asked;
  asked.info = test::answer_packet(snapshot, packet, asker, out, trace);
  out.resize(asked.info.length);
  asked.reply = test::parse_reply(out);
  EXPECT_TRUE(asked.reply.sound) << name;
  const auto option = asked.reply.option(8);
  EXPECT_EQ(option.has_value(), !subnet.empty());
  if (option) asked.scope = (*option)[3];
  return asked;
}

[[nodiscard]] Asked ask(const std::string& name, RrType type, const std::string& subnet = "") {
  static const Snapshot world = test::example_world();
  return ask(world, name, type, subnet);
}

// The same world with other health or other knowledge of aliases.
[[nodiscard]] Snapshot world_with(const std::function<void(HealthView&)>& change) {
  Snapshot snapshot = test::example_world();
  HealthView health = HealthView::all_up(snapshot.policies->spec().regions);
  change(health);
  snapshot.answers = AnswerSets::build(*snapshot.policies, health, snapshot.answers->aliases());
  return snapshot;
}

void put_down(HealthView& health, std::initializer_list<std::size_t> regions) {
  for (const std::size_t region : regions) std::ranges::fill(health.regions[region].edges, EdgeState::down);
}

// --- families

// `families: [a]` in the configuration, and an AAAA in the zone file.
TEST(PolicyNames, TheFamilyThatAPolicyLeavesOutIsTheZoneFiles) {
  test::ZoneText text = test::example_zone();
  text.lines.emplace_back("four 70 AAAA 2001:db8::4");
  text.policies[2].types.aaaa = false;
  Snapshot world = test::example_world();
  world.zones = std::make_shared<const ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});

  const Asked ipv6 = ask(world, "four.example.com", RrType::aaaa, kEu);
  EXPECT_EQ(ipv6.reply.answer, Lines{"four.example.com. 70 IN AAAA 2001:db8::4"});
  EXPECT_EQ(ipv6.scope, 0U) << "the same for every client";
  const Asked ipv4 = ask(world, "four.example.com", RrType::a, kEu);
  EXPECT_EQ(ipv4.reply.answer, Lines{"four.example.com. 60 IN A 203.0.113.31"});
  EXPECT_EQ(ipv4.scope, 24U);
  const Asked hints = ask(world, "to-four.example.com", RrType::svcb, kEu);
  EXPECT_EQ(hints.reply.answer, Lines{"to-four.example.com. 50 IN SVCB \\# 000204666f7572076578616d706c6503636f6d00"
                                      "00040004cb00711f0006001020010db8000000000000000000000004"});
  EXPECT_EQ(hints.reply.additional,
            (Lines{"four.example.com. 60 IN A 203.0.113.31", "four.example.com. 70 IN AAAA 2001:db8::4"}));
  EXPECT_EQ(ask(world, "four.example.com", RrType::any, kEu).reply.answer.size(), 1U);
}

// --- wildcards that own what cuts a zone

// RFC 4592 sections 4.2 and 4.4, RFC 6672 section 3.2: what is synthesised is data, no cut and no redirection.
TEST(Wildcards, NsAndDnameAreAnsweredAsData) {
  test::ZoneText text = test::example_zone();
  text.lines.insert(text.lines.end(), {"*.cut 60 NS ns.example.org.", "*.moved 60 DNAME example.org."});
  Snapshot world = test::example_world();
  world.zones = std::make_shared<const ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});

  EXPECT_EQ(ask(world, "x.cut.example.com", RrType::a).reply.authority, Lines{kSoa});
  EXPECT_EQ(ask(world, "x.cut.example.com", RrType::ns).reply.answer,
            Lines{"x.cut.example.com. 60 IN NS ns.example.org."});
  EXPECT_EQ(ask(world, "x.moved.example.com", RrType::a).reply.authority, Lines{kSoa});
  EXPECT_EQ(ask(world, "x.moved.example.com", RrType::dname).reply.answer,
            Lines{"x.moved.example.com. 60 IN DNAME example.org."});
}

// --- hints

// --- regions that are a CNAME

TEST(CnameRegion, TheCnameStandsAloneForEveryType) {
  for (const RrType type : {RrType::a, RrType::aaaa, RrType::txt, RrType::https, RrType::cname, RrType::any}) {
    const Asked asked = ask("mixed.example.com", type, kEu);
    EXPECT_EQ(asked.reply.answer, Lines{"mixed.example.com. 60 IN CNAME shop.cdn.example.org."});
    EXPECT_TRUE(asked.reply.authority.empty());
    EXPECT_TRUE(asked.reply.additional.empty());
    EXPECT_EQ(asked.scope, 24U);
    EXPECT_TRUE(asked.reply.aa());
    EXPECT_EQ(asked.info.kind, AnswerKind::policy);
    EXPECT_EQ(asked.info.region, RegionId{2});
  }
}

TEST(CnameRegion, OtherClientsAreGivenAddresses) {
  EXPECT_EQ(ask("mixed.example.com", RrType::a, kUs).reply.answer, Lines{"mixed.example.com. 60 IN A 192.0.2.11"});
  EXPECT_EQ(ask("mixed.example.com", RrType::any, kUs).reply.answer, Lines{"mixed.example.com. 60 IN A 192.0.2.11"});
}

// The absence is theirs alone: with scope 0 it would contradict the CNAME of others.
TEST(CnameRegion, AbsenceHasTheScopeOfTheChoice) {
  for (const RrType type : {RrType::txt, RrType::cname, RrType::https}) {
    const Asked asked = ask("mixed.example.com", type, kUs);
    EXPECT_EQ(asked.info.kind, AnswerKind::nodata);
    EXPECT_EQ(asked.reply.authority, Lines{kSoa});
    EXPECT_EQ(asked.scope, ask("mixed.example.com", RrType::a, kUs).scope);
    EXPECT_GT(asked.scope, 0U);
  }
}

TEST(CnameRegion, IsReachedThroughAStaticAlias) {
  EXPECT_EQ(ask("to-mixed-alias.example.com", RrType::aaaa, kEu).reply.answer,
            (Lines{"to-mixed-alias.example.com. 50 IN CNAME mixed.example.com.",
                   "mixed.example.com. 60 IN CNAME shop.cdn.example.org."}));
}

TEST(CnameRegion, LeavesByTheOperatorsWordAndIsTheLastResort) {
  const Snapshot left = world_with([](HealthView& health) { put_down(health, {2}); });
  EXPECT_EQ(ask(left, "mixed.example.com", RrType::a, kEu).reply.answer,
            Lines{"mixed.example.com. 60 IN A 192.0.2.11"});
  EXPECT_EQ(ask(left, "mixed.example.com", RrType::txt, kEu).info.kind, AnswerKind::nodata);

  // Everything down: our own edges, not a CNAME beside them, for every type.
  const Snapshot lost = world_with([](HealthView& health) { put_down(health, {0, 1, 2}); });
  EXPECT_EQ(ask(lost, "mixed.example.com", RrType::a, kEu).reply.answer.size(), 2U);
  EXPECT_EQ(ask(lost, "mixed.example.com", RrType::aaaa, kEu).reply.answer.size(), 2U);
  EXPECT_EQ(ask(lost, "mixed.example.com", RrType::txt, kEu).info.kind, AnswerKind::nodata);

  const Snapshot forced = world_with([](HealthView& health) {
    put_down(health, {0, 1, 2});
    health.regions[0].forced = health.regions[1].forced = true;
  });
  EXPECT_EQ(ask(forced, "mixed.example.com", RrType::a, kEu).reply.answer,
            Lines{"mixed.example.com. 10 IN CNAME shop.cdn.example.org."});
}

// One decision for all types: a region that lost one family serves neither, lest A be an address and AAAA a CNAME.
TEST(CnameRegion, NoTypeIsACnameWhileAnotherIsAnAddress) {
  const Snapshot world = world_with([](HealthView& health) {
    health.regions[0].edges[1] = EdgeState::down;  // us has lost its IPv6
    put_down(health, {1});
  });
  for (const char* client : {kEu, kUs}) {
    const Asked a = ask(world, "mixed.example.com", RrType::a, client);
    const Asked aaaa = ask(world, "mixed.example.com", RrType::aaaa, client);
    ASSERT_FALSE(a.reply.answer.empty());
    ASSERT_FALSE(aaaa.reply.answer.empty());
    const auto is_cname = [](const Asked& asked) {
      return asked.reply.answer.front().find(" CNAME ") != std::string::npos;
    };
    EXPECT_EQ(is_cname(a), is_cname(aaaa)) << client;
  }
}

// --- ALIAS

TEST(Alias, HasTheAddressesOfItsTargetForEveryClient) {
  for (const char* client : {kEu, kUs}) {
    const Asked asked = ask("flat.example.com", RrType::a, client);
    EXPECT_EQ(asked.reply.answer,
              (Lines{"flat.example.com. 20 IN A 192.0.2.61", "flat.example.com. 20 IN A 192.0.2.62"}));
    EXPECT_EQ(asked.scope, 0U);
    EXPECT_EQ(asked.info.kind, AnswerKind::data);
    EXPECT_TRUE(asked.reply.aa());
  }
  EXPECT_EQ(ask("flat.example.com", RrType::aaaa).reply.authority, Lines{kSoa});
  EXPECT_EQ(ask("flat.example.com", RrType::txt).reply.answer, Lines{"flat.example.com. 400 IN TXT \"apex\""});
}

TEST(Alias, IsServfailUntilItsTargetIsKnown) {
  for (const RrType type : {RrType::a, RrType::aaaa}) {
    const Asked asked = ask("unflat.example.com", type);
    EXPECT_EQ(asked.info.rcode, Rcode::servfail);
    EXPECT_EQ(asked.reply.ede(), 14U);
    EXPECT_TRUE(asked.reply.answer.empty());
    EXPECT_TRUE(asked.reply.authority.empty());
  }
  EXPECT_EQ(ask("to-unflat.example.com", RrType::a).info.rcode, Rcode::servfail);
  EXPECT_EQ(ask("unflat.example.com", RrType::txt).info.kind, AnswerKind::nodata);
}

TEST(Alias, AStaleAnswerIsGivenForTheShortestTime) {
  Snapshot snapshot = test::example_world();
  AliasView aliases = snapshot.answers->aliases();
  aliases.targets[0][0].state = AliasAnswer::State::stale;
  aliases.targets[0][1] = {AliasAnswer::State::fresh, {shared::IpAddress::parse("2001:db8::61").value()}, 100'000};
  snapshot.answers =
      AnswerSets::build(*snapshot.policies, HealthView::all_up(snapshot.policies->spec().regions), aliases);
  EXPECT_EQ(ask(snapshot, "flat.example.com", RrType::a).reply.answer.front(), "flat.example.com. 10 IN A 192.0.2.61");
  EXPECT_EQ(ask(snapshot, "flat.example.com", RrType::aaaa).reply.answer,
            Lines{"flat.example.com. 60 IN AAAA 2001:db8::61"});
}

TEST(Alias, AChangeLeavesAllOthersWhereTheyAre) {
  Snapshot snapshot = test::example_world();
  const PolicyTables& tables = *snapshot.policies;
  const auto before = snapshot.answers;
  const auto set = [&tables](const AnswerSets& answers, std::size_t number) {
    return &answers.alias(tables.profiles()[tables.profile_of(tables.aliases()[number])]);
  };
  AliasChange change{0, {AliasAnswer{AliasAnswer::State::fresh, {shared::IpAddress::v4(0xC0000263)}, 100'000}, {}}};
  const auto after = before->with_aliases(tables, {change});
  ASSERT_TRUE(after);
  EXPECT_NE(set(*after, 0), set(*before, 0));
  EXPECT_EQ(set(*after, 1), set(*before, 1)) << "shared";
  snapshot.answers = after;
  EXPECT_EQ(ask(snapshot, "flat.example.com", RrType::a).reply.answer, Lines{"flat.example.com. 60 IN A 192.0.2.99"});
  EXPECT_EQ(ask(snapshot, "www.example.com", RrType::a).reply.answer, ask("www.example.com", RrType::a).reply.answer);
  change.known[0].ttl = 200'000;
  EXPECT_FALSE(after->with_aliases(tables, {change})) << "answers carry the maximum either way";
  change.known[0].ttl = 30;
  EXPECT_TRUE(after->with_aliases(tables, {change}));
  const auto healthier = after->with_health(tables, HealthView::all_up(tables.spec().regions));
  EXPECT_EQ(set(*healthier, 0), set(*after, 0)) << "health is no matter of theirs";
}

TEST(Alias, AnyGivesWhicheverTypeThereIs) {
  Snapshot snapshot = test::example_world();
  AliasView aliases = snapshot.answers->aliases();
  aliases.targets[0] = {AliasAnswer{AliasAnswer::State::fresh, {}, 0},
                        AliasAnswer{AliasAnswer::State::fresh, {shared::IpAddress::parse("2001:db8::61").value()}, 30}};
  snapshot.answers =
      AnswerSets::build(*snapshot.policies, HealthView::all_up(snapshot.policies->spec().regions), aliases);
  EXPECT_EQ(ask(snapshot, "flat.example.com", RrType::any).reply.answer,
            Lines{"flat.example.com. 30 IN AAAA 2001:db8::61"});
}

}  // namespace
}  // namespace dns::answer_records_test
