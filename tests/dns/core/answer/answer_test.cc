#include "dns/core/answer/answer.h"

#include <gtest/gtest.h>

#include <array>

#include "dns/core/answer/reply_frame.h"
#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns {
namespace {

using test::Bytes;
using test::ParsedReply;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

constexpr const char* kSoa =
    "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 2026112201 7200 3600 1209600 300";
constexpr const char* kNetSoa =
    "example.net. 3600 IN SOA ns2.example.net. hostmaster.example.net. 7 7200 3600 1209600 86400";

struct Asked {
  AnswerInfo info;
  ParsedReply reply;
};

[[nodiscard]] const Snapshot& world() {
  static const Snapshot snapshot = test::example_world();
  return snapshot;
}

[[nodiscard]] Asked ask_raw(const Snapshot& snapshot, const Bytes& packet, Transport transport = Transport::udp) {
  std::array<std::uint8_t, kMaxMessageSize> out;
  test::Asker asker;
  asker.client = shared::IpAddress::parse("192.0.2.200").value();
  asker.transport = transport;
  asker.idle_timeout = 300;
  NullTrace trace;
  Asked asked;
  asked.info = test::answer_packet(snapshot, packet, asker, out, trace);
  asked.reply = test::parse_reply(std::span(out).first(asked.info.length));
  return asked;
}

[[nodiscard]] Asked ask(const QueryBuilder& query, Transport transport = Transport::udp) {
  Asked asked = ask_raw(world(), query.build(), transport);
  EXPECT_TRUE(asked.reply.sound) << query.name;
  EXPECT_EQ(asked.reply.id, query.id);
  EXPECT_EQ(asked.reply.question, query.question());
  EXPECT_EQ(asked.reply.has_opt, query.edns);
  EXPECT_EQ(asked.reply.rcode(), static_cast<unsigned>(asked.info.rcode));
  EXPECT_EQ(asked.reply.tc(), asked.info.truncated);
  return asked;
}

[[nodiscard]] QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder;
}

struct Case {
  std::string name;
  RrType type;
  AnswerKind kind;
  Rcode rcode;
  Lines answer;
  Lines authority;
};

void expect(const Case& c) {
  const Asked asked = ask(query(c.name, c.type).with_edns());
  const std::string what = c.name + " type " + std::to_string(static_cast<unsigned>(c.type));
  EXPECT_EQ(asked.info.kind, c.kind) << what;
  EXPECT_EQ(asked.info.rcode, c.rcode) << what;
  EXPECT_EQ(asked.reply.answer, c.answer) << what;
  EXPECT_EQ(asked.reply.authority, c.authority) << what;
  EXPECT_TRUE(asked.reply.aa()) << what;
}

TEST(Answer, StaticDataAndItsAbsence) {
  for (const Case& c : std::initializer_list<Case>{
           {"static.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"static.example.com. 120 IN A 192.0.2.80", "static.example.com. 120 IN A 192.0.2.81"},
            {}},
           {"example.net", RrType::soa, AnswerKind::data, Rcode::noerror, {kNetSoa}, {}},
           {"unknown.example.com",
            RrType{65280},
            AnswerKind::data,
            Rcode::noerror,
            {"unknown.example.com. 60 IN TYPE65280 \\# abcdef"},
            {}},  // RFC 3597
           {"static.example.com", RrType::aaaa, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"missing.example.com", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kSoa}},
           {"x.static.example.com", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kSoa}},
           {"x.example.net", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kNetSoa}},  // SOA TTL below MINIMUM
           {"b.ent.example.com", RrType::a, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"ent.example.com", RrType::any, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
       }) {
    expect(c);
  }
}

TEST(Answer, Wildcards) {
  for (const Case& c : std::initializer_list<Case>{
           {"x.wild.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"x.wild.example.com. 60 IN A 192.0.2.42"},
            {}},
           {"a.b.c.wild.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"a.b.c.wild.example.com. 60 IN A 192.0.2.42"},
            {}},
           {"x.wild.example.com", RrType::aaaa, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"*.wild.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"*.wild.example.com. 60 IN A 192.0.2.42"},
            {}},
           {"x.*.wild.example.com", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kSoa}},
           {"host.wild.example.com", RrType::a, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"x.host.wild.example.com", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kSoa}},
           {"ent.wild.example.com", RrType::a, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"x.ent.wild.example.com", RrType::a, AnswerKind::nxdomain, Rcode::nxdomain, {}, {kSoa}},
           {"x.wildalias.example.com",
            RrType::txt,
            AnswerKind::data,
            Rcode::noerror,
            {"x.wildalias.example.com. 60 IN CNAME static.example.com.", "static.example.com. 120 IN TXT \"text\""},
            {}},
           {"x.geo.example.com",
            RrType::a,
            AnswerKind::policy,
            Rcode::noerror,
            {"x.geo.example.com. 60 IN A 192.0.2.11"},
            {}},
           {"x.geo.example.com", RrType::txt, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
       }) {
    expect(c);
  }
}

TEST(Answer, Aliases) {
  for (const Case& c : std::initializer_list<Case>{
           {"alias2.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"alias2.example.com. 100 IN CNAME alias.example.com.",
             "alias.example.com. 100 IN CNAME static.example.com.", "static.example.com. 120 IN A 192.0.2.80",
             "static.example.com. 120 IN A 192.0.2.81"},
            {}},
           {"alias.example.com",
            RrType::cname,
            AnswerKind::data,
            Rcode::noerror,
            {"alias.example.com. 100 IN CNAME static.example.com."},
            {}},
           {"alias.example.com",
            RrType::any,
            AnswerKind::data,
            Rcode::noerror,
            {"alias.example.com. 100 IN CNAME static.example.com."},
            {}},
           {"alias.example.com",
            RrType::aaaa,
            AnswerKind::nodata,
            Rcode::noerror,
            {"alias.example.com. 100 IN CNAME static.example.com."},
            {kSoa}},
           {"nowhere.example.com",
            RrType::a,
            AnswerKind::nxdomain,
            Rcode::nxdomain,  // RFC 6604: the last name's rcode
            {"nowhere.example.com. 100 IN CNAME missing.example.com."},
            {kSoa}},
           {"outside.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"outside.example.com. 100 IN CNAME www.example.org."},
            {}},
           {"across.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"across.example.com. 100 IN CNAME host.example.net.", "host.example.net. 60 IN A 198.51.100.7"},
            {}},
           {"steered.example.com",
            RrType::a,
            AnswerKind::policy,
            Rcode::noerror,
            {"steered.example.com. 100 IN CNAME www.example.com.", "www.example.com. 60 IN A 192.0.2.11"},
            {}},
           {"loop1.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"loop1.example.com. 100 IN CNAME loop2.example.com.",
             "loop2.example.com. 100 IN CNAME loop1.example.com."},
            {}},
           {"self.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"self.example.com. 100 IN CNAME self.example.com."},
            {}},
       }) {
    expect(c);
  }
}

// A name of 255 octets is one, of 256 it is YXDOMAIN (RFC 6672 2.2). The DNAME's target has 200.
TEST(Answer, ADnameMayMakeANameOf255OctetsAndNoLongerOne) {
  for (const std::size_t octets : {255U, 256U}) {
    const std::string label(octets - 200 - 1, 'a');
    const Asked asked = ask(query(label + ".long.example.com"));
    EXPECT_EQ(asked.reply.answer.size(), octets == 255 ? 2U : 1U);
    EXPECT_NE(asked.reply.answer.front().find(" IN DNAME "), std::string::npos);
    EXPECT_EQ(asked.reply.rcode(), octets == 255 ? 3U : 6U) << "NXDOMAIN of what it leads to, or YXDOMAIN";
  }
}

TEST(Answer, Dname) {
  for (const Case& c : std::initializer_list<Case>{
           {"Host.old.example.com",
            RrType::a,
            AnswerKind::data,
            Rcode::noerror,
            {"old.example.com. 500 IN DNAME new.example.com.",
             "Host.old.example.com. 500 IN CNAME Host.new.example.com.", "Host.new.example.com. 60 IN A 192.0.2.77"},
            {}},
           {"host.old.example.com",
            RrType::cname,
            AnswerKind::data,
            Rcode::noerror,
            {"old.example.com. 500 IN DNAME new.example.com.",
             "host.old.example.com. 500 IN CNAME host.new.example.com."},
            {}},
           {"x.old.example.com",
            RrType::a,
            AnswerKind::nxdomain,
            Rcode::nxdomain,
            {"old.example.com. 500 IN DNAME new.example.com.", "x.old.example.com. 500 IN CNAME x.new.example.com."},
            {kSoa}},
           {"old.example.com", RrType::a, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}},
           {"old.example.com",
            RrType::dname,
            AnswerKind::data,
            Rcode::noerror,
            {"old.example.com. 500 IN DNAME new.example.com."},
            {}},
       }) {
    expect(c);
  }
  const Asked asked = ask(query(std::string(60, 'a') + ".long.example.com").with_edns());
  EXPECT_EQ(asked.info.rcode, Rcode::yxdomain);
  ASSERT_EQ(asked.reply.answer.size(), 1U);
}

TEST(Answer, LongChainsEnd) {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5", "@ 60 NS ns.example.org."};
  for (int i = 0; i < 40; ++i) text.lines.push_back("c" + std::to_string(i) + " 60 CNAME c" + std::to_string(i + 1));
  text.lines.push_back("up 60 DNAME x.up2");
  text.lines.push_back("up2 60 DNAME y.up");
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked chain = ask_raw(snapshot, query("c0.example.com").build(), Transport::tcp);
  EXPECT_TRUE(chain.reply.sound);
  EXPECT_EQ(chain.reply.answer.size(), 16U);
  const Asked growing = ask_raw(snapshot, query("a.up.example.com").build(), Transport::tcp);
  EXPECT_TRUE(growing.reply.sound);
  EXPECT_EQ(growing.reply.answer, (Lines{"up.example.com. 60 IN DNAME x.up2.example.com.",
                                         "a.up.example.com. 60 IN CNAME a.x.up2.example.com.",
                                         "up2.example.com. 60 IN DNAME y.up.example.com.",
                                         "a.x.up2.example.com. 60 IN CNAME a.x.y.up.example.com."}))
      << "from there on it would only grow";
  EXPECT_FALSE(growing.reply.tc());
}

TEST(Answer, Referrals) {
  for (const char* name : {"sub.example.com", "ns.sub.example.com", "x.y.sub.example.com"}) {
    for (const RrType type : {RrType::a, RrType::ns, RrType::any}) {
      const Asked asked = ask(query(name, type));
      EXPECT_EQ(asked.info.kind, AnswerKind::referral) << name;
      EXPECT_FALSE(asked.reply.aa());
      EXPECT_EQ(asked.info.rcode, Rcode::noerror);
      EXPECT_EQ(asked.reply.answer, Lines{});
      EXPECT_EQ(asked.reply.authority,
                (Lines{"sub.example.com. 900 IN NS ns.sub.example.com.", "sub.example.com. 900 IN NS ns.other.org.",
                       "sub.example.com. 900 IN NS mail.example.com."}));
      // What lies below the cut comes first: nobody else has it.
      EXPECT_EQ(asked.reply.additional,
                (Lines{"ns.sub.example.com. 900 IN A 192.0.2.54", "ns.sub.example.com. 900 IN AAAA 2001:db8::54",
                       "mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25"}));
    }
  }
  EXPECT_EQ(ask(query("a.far.example.com")).reply.additional, Lines{});
}

// A resolver keeps a referral for all its clients, so a server whose addresses a policy chooses comes without them.
TEST(Answer, ReferralsAreTheSameForEveryClient) {
  test::ZoneText text = test::example_zone();
  text.lines.push_back("part 60 NS www");
  text.lines.push_back("part 60 NS mail");
  Snapshot snapshot = world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked asked = ask_raw(snapshot, query("x.part.example.com").subnet("198.51.100.0/24").build());
  EXPECT_EQ(asked.info.kind, AnswerKind::referral);
  EXPECT_EQ(asked.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25"}));
  ASSERT_TRUE(asked.reply.option(8));
  EXPECT_EQ((*asked.reply.option(8))[3], 0);
}

TEST(Answer, AChainIntoADelegationRefersWithAuthority) {
  const Asked asked = ask(query("into.example.com"));
  EXPECT_TRUE(asked.reply.aa());  // for the alias, which is ours
  EXPECT_EQ(asked.reply.answer, Lines{"into.example.com. 100 IN CNAME host.sub.example.com."});
  EXPECT_EQ(asked.reply.authority.size(), 3U);
}

TEST(Answer, DsIsTheParentsToAnswer) {
  expect({"sub.example.com",
          RrType::ds,
          AnswerKind::data,
          Rcode::noerror,
          {"sub.example.com. 900 IN DS \\# 00010802"
           "00112233"},
          {}});
  expect({"far.example.com", RrType::ds, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}});
  expect({"example.com", RrType::ds, AnswerKind::nodata, Rcode::noerror, {}, {kSoa}});
  EXPECT_EQ(ask(query("x.sub.example.com", RrType::ds)).info.kind, AnswerKind::referral);
}

TEST(Answer, DsAtTheApexOfAChildGoesToAParentThatIsOursToo) {
  test::ZoneText child;
  child.apex = "sub.example.com";
  child.lines = {"@ 60 SOA ns h 1 2 3 4 5", "@ 60 NS ns", "ns 60 A 192.0.2.54"};
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{
      test::zone_of(child), test::zone_of(test::other_zone()), world().zones->zones()[0]});
  EXPECT_EQ(ask_raw(snapshot, query("sub.example.com", RrType::ds).build()).reply.answer.size(), 1U);
  EXPECT_EQ(ask_raw(snapshot, query("sub.example.com", RrType::ns).build()).reply.answer,
            Lines{"sub.example.com. 60 IN NS ns.sub.example.com."});
  EXPECT_EQ(ask_raw(snapshot, query("example.net", RrType::ds).build()).info.kind, AnswerKind::nodata);
}

TEST(Answer, AnyAndRrsigAreMinimal) {
  const Asked apex = ask(query("example.com", RrType::any));
  EXPECT_EQ(apex.reply.answer, Lines{"example.com. 600 IN TXT \"hello\""});
  EXPECT_EQ(ask(query("static.example.com", RrType::any)).reply.answer,
            Lines{"static.example.com. 120 IN TXT \"text\""});
  EXPECT_EQ(ask(query("www.example.com", RrType::any)).reply.answer, Lines{"www.example.com. 60 IN A 192.0.2.11"});
  EXPECT_EQ(ask(query("static.example.com", RrType::rrsig)).info.kind, AnswerKind::nodata);
  test::ZoneText text = test::other_zone();
  text.lines.push_back("host 60 RRSIG \\# 0001 08 03 0000003c");
  text.lines.push_back("host 70 RRSIG \\# 0010 08 03 0000003c");
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  EXPECT_EQ(ask_raw(snapshot, query("host.example.net", RrType::rrsig).build()).reply.answer,
            Lines{"host.example.net. 60 IN RRSIG \\# 000108030000003c"});
}

TEST(Answer, MetaTypes) {
  EXPECT_EQ(ask(query("www.example.com", RrType::opt)).info.rcode, Rcode::formerr);
  EXPECT_EQ(ask(query("www.example.com", RrType::nxname)).info.rcode, Rcode::formerr);
  for (unsigned type = 129; type < 255; ++type) {
    const Asked asked = ask(query("example.com", RrType{static_cast<std::uint16_t>(type)}));
    EXPECT_EQ(asked.info.rcode, Rcode::notimp) << type;
    EXPECT_EQ(asked.info.kind, AnswerKind::error);
  }
}

TEST(Answer, WhatIsNotOursIsRefused) {
  for (const char* name : {"www.example.org", "com", ".", "badexample.com"}) {
    const Asked asked = ask(query(name).with_edns());
    EXPECT_EQ(asked.info.kind, AnswerKind::refused) << name;
    EXPECT_EQ(asked.info.rcode, Rcode::refused);
    EXPECT_FALSE(asked.reply.aa());
    EXPECT_EQ(asked.reply.ede(), 20U);
    EXPECT_TRUE(asked.reply.answer.empty() && asked.reply.authority.empty() && asked.reply.additional.empty());
  }
  for (const unsigned klass : {0U, 2U, 4U, 254U, 255U}) {
    QueryBuilder builder = query("www.example.com");
    builder.klass = klass;
    EXPECT_EQ(ask(builder).info.rcode, Rcode::refused) << klass;
  }
}

TEST(Answer, ChaosSaysWhoWeAre) {
  struct ChaosCase {
    const char* name;
    RrType type;
    Lines answer;
  };
  for (const ChaosCase& c : std::initializer_list<ChaosCase>{
           {"id.server", RrType::txt, {"id.server. 0 CH TXT \"node-1\""}},
           {"HOSTNAME.bind", RrType::txt, {"HOSTNAME.bind. 0 CH TXT \"node-1\""}},
           {"version.bind", RrType::txt, {"version.bind. 0 CH TXT \"meridian\""}},
           {"version.server", RrType::any, {"version.server. 0 CH TXT \"meridian\""}},
           {"version.bind", RrType::a, {}},
           {"authors.bind", RrType::txt, {}},
           {"www.example.com", RrType::txt, {}},
       }) {
    QueryBuilder builder = query(c.name, c.type);
    builder.klass = 3;
    const Asked asked = ask(builder);
    EXPECT_EQ(asked.reply.answer, c.answer) << c.name;
    EXPECT_EQ(asked.info.rcode, c.answer.empty() ? Rcode::refused : Rcode::noerror) << c.name;
    Snapshot silent = world();
    silent.identity = {};
    EXPECT_EQ(ask_raw(silent, builder.build()).info.rcode, Rcode::refused);
  }
}

TEST(Answer, AdditionalAddresses) {
  const Asked mx = ask(query("example.com", RrType::mx).with_edns());
  EXPECT_EQ(mx.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25",
                   "www.example.com. 60 IN A 192.0.2.11", "www.example.com. 60 IN AAAA 2001:db8:1::11"}));
  const Asked ns = ask(query("example.com", RrType::ns).with_edns());
  EXPECT_EQ(ns.reply.additional,
            (Lines{"ns1.example.com. 3600 IN A 192.0.2.53", "ns1.example.com. 3600 IN AAAA 2001:db8::53",
                   "ns2.example.net. 3600 IN A 198.51.100.53"}));
  const Asked srv = ask(query("_sip._tcp.example.com", RrType::srv).with_edns());
  EXPECT_EQ(srv.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25",
                   "four.example.com. 60 IN A 192.0.2.11"}));
  const Asked https = ask(query("example.com", RrType::https).with_edns());
  EXPECT_EQ(https.reply.additional,
            (Lines{"www.example.com. 60 IN A 192.0.2.11", "www.example.com. 60 IN AAAA 2001:db8:1::11"}));
  const Asked alias = ask(query("svc.example.com", RrType::https).with_edns());
  const Asked bindings = ask(query("www.example.com", RrType::https).with_edns());
  Lines expected = bindings.reply.answer;  // behind an alias its target's bindings come first
  expected.insert(expected.end(), https.reply.additional.begin(), https.reply.additional.end());
  EXPECT_EQ(alias.reply.additional, expected);
  const Asked own = ask(query("own.example.com", RrType::svcb).with_edns());
  EXPECT_EQ(own.reply.additional, Lines{"own.example.com. 200 IN A 192.0.2.60"});
}

TEST(Answer, AdditionalAddressesFollowTheClientAndWidenTheScope) {
  const Asked asked = ask(query("example.com", RrType::mx).subnet("198.51.100.0/24"));
  EXPECT_EQ(asked.reply.additional[2], "www.example.com. 60 IN A 203.0.113.31");
  EXPECT_GT((*asked.reply.option(8))[3], 0);
}

TEST(Answer, TheHeaderIsCopiedAsItMustBe) {
  QueryBuilder builder = query("StAtIc.ExAmPlE.cOm");
  builder.id = 0xBEEF;
  builder.flags =
      static_cast<std::uint16_t>(kFlagRd | kFlagAa | kFlagTc | 0x00F0 | 0x000F);  // RA, Z, AD, CD and an rcode
  const Asked asked = ask(builder);
  EXPECT_EQ(asked.reply.flags, kFlagQr | kFlagAa | kFlagRd);
  EXPECT_EQ(asked.reply.answer.at(0), "StAtIc.ExAmPlE.cOm. 120 IN A 192.0.2.80");
}

TEST(Answer, ErrorsKeepWhatCanBeKept) {
  QueryBuilder update = query("example.com");
  update.flags = 5 << 11;
  const Asked asked = ask(update.with_edns());
  EXPECT_EQ(asked.info.rcode, Rcode::notimp);
  EXPECT_EQ(asked.reply.flags & kOpcodeMask, 5 << 11);
  Bytes garbage = query("example.com").build();
  garbage.push_back(0);
  EXPECT_EQ(ask_raw(world(), garbage).reply.question, query("example.com").question());
  Bytes two = query("example.com").build();
  two[5] = 2;
  const Asked rejected = ask_raw(world(), two);
  EXPECT_TRUE(rejected.reply.sound);
  EXPECT_TRUE(rejected.reply.question.empty());
  EXPECT_EQ(rejected.info.rcode, Rcode::formerr);
  EXPECT_EQ(ask_raw(world(), Bytes(11)).info.length, 0U);
}

// Long enough for the step that only large zones need, with names that share a slot's line with others.
[[nodiscard]] Snapshot large_world() {
  test::ZoneText text = test::example_zone();
  for (int i = 0; i < 20'000; ++i) text.lines.push_back("n" + std::to_string(i) + ".example.com. 60 A 192.0.2.1");
  Snapshot snapshot = test::example_world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector{test::zone_of(text)});
  return snapshot;
}

[[nodiscard]] std::vector<Bytes> mixed_queries() {
  std::vector<Bytes> packets = {Bytes(11), query("example.com", RrType::soa).build(), query("elsewhere.test").build()};
  for (const char* name :
       {"alias.example.com", "www.example.com", "x.geo.example.com", "flat.example.com", "mixed.example.com",
        "four.example.com", "n17.example.com", "n19999.example.com", "no.such.example.com", "example.com"}) {
    packets.push_back(query(name).build());
    packets.push_back(query(name).subnet("198.51.100.0/24").build());
    packets.push_back(query(name).subnet("2001:db8:ec::/48").build());
  }
  return packets;
}

void expect_batch_like_singles(const Snapshot& snapshot) {
  const std::vector<Bytes> packets = mixed_queries();
  std::vector<Query> queries;
  for (const Bytes& packet : packets) queries.push_back(parse_query(packet));
  const std::vector<shared::IpAddress> clients(packets.size(), shared::IpAddress::v4(0xC0000207));
  std::vector<Found> found(packets.size());
  look_up(snapshot, queries, clients, found);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const test::Asker asker{.client = clients[i]};
    std::array<std::uint8_t, 1232> in_batch{};
    std::array<std::uint8_t, 1232> alone{};
    NullTrace trace;
    const AnswerInfo info = answer(snapshot, test::request_of(queries[i], found[i], asker), in_batch, trace);
    EXPECT_EQ(info.length, test::answer_packet(snapshot, packets[i], asker, alone, trace).length) << i;
    EXPECT_EQ(in_batch, alone) << i;
    EXPECT_EQ(info.length == 0, i == 0);
  }
}

TEST(Answer, BatchesAnswerAsSingleQueriesDo) {
  expect_batch_like_singles(world());
  const Snapshot large = large_world();
  EXPECT_TRUE(large.zones->zones().front()->is_large());
  expect_batch_like_singles(large);
}

TEST(Answer, WhatNoLinkTakesIsCutToItsQuestion) {
  const Bytes asked = query("www.example.com").with_edns().build();
  Bytes packet(kMinUdpSize);
  NullTrace trace;
  ASSERT_GT(test::answer_packet(world(), asked, {}, packet, trace).length, asked.size());
  packet.resize(truncate(packet));
  const test::ParsedReply reply = test::parse_reply(packet);
  EXPECT_TRUE(reply.sound && reply.tc());
  EXPECT_EQ(reply.question, query("www.example.com").question());
  EXPECT_TRUE(reply.answer.empty());
  EXPECT_FALSE(reply.has_opt);
}

}  // namespace
}  // namespace dns
