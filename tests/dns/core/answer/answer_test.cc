#include "dns/core/answer/answer.h"

#include <gtest/gtest.h>

#include <array>

#include "dns/core/answer/reply_frame.h"
#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::answer_test {
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

}  // namespace
}  // namespace dns::answer_test
