// Answers made of names: chains that come back, data that is written shorter, records that are data where they stand.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dns/core/answer/answer.h"
#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"

namespace dns::answer_names_test {
namespace {

using test::ParsedReply;
using Lines = std::vector<std::string>;

struct Asked {
  AnswerInfo info;
  ParsedReply reply;
};

[[nodiscard]] Snapshot snapshot_of(std::shared_ptr<const Zone> zone) {
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{std::move(zone)});
  return snapshot;
}

[[nodiscard]] Asked ask(const Snapshot& snapshot, const std::string& name, RrType type) {
  test::QueryBuilder query;
  query.name = name;
  query.type = type;
  const test::Bytes packet = query.build();
  std::array<std::uint8_t, kMaxMessageSize> out;
  test::Asker asker;
  NullTrace trace;
  Asked asked;
  asked.info = test::answer_packet(snapshot, packet, asker, out, trace);
  asked.reply = test::parse_reply(std::span(out).first(asked.info.length));
  EXPECT_TRUE(asked.reply.sound) << name;
  return asked;
}

// RFC 2181 section 5: no record twice, in an answer that comes through a DNAME again, neither.
TEST(AnswerNames, EachRecordOfAChainIsSaidOnce) {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5",
                "@ 60 NS ns.example.org.",
                "d 60 DNAME e",
                "www.e 60 CNAME x.d",
                "x.e 60 A 192.0.2.1",
                "up 60 DNAME a.up",
                "b.e 60 DNAME d",
                "same 60 HTTPS \\# 0000 0473616d65076578616d706c6503636f6d00"};
  const Snapshot snapshot = snapshot_of(test::zone_of(text));
  const auto ask_for = [&](const char* name, RrType type = RrType::a) {
    const Asked asked = ask(snapshot, name, type);
    EXPECT_FALSE(asked.reply.tc()) << name;
    return asked.reply;
  };
  EXPECT_EQ(ask_for("www.d.example.com").answer,
            (Lines{"d.example.com. 60 IN DNAME e.example.com.", "www.d.example.com. 60 IN CNAME www.e.example.com.",
                   "www.e.example.com. 60 IN CNAME x.d.example.com.", "x.d.example.com. 60 IN CNAME x.e.example.com.",
                   "x.e.example.com. 60 IN A 192.0.2.1"}));
  EXPECT_EQ(ask_for("x.up.example.com").answer, (Lines{"up.example.com. 60 IN DNAME a.up.example.com.",
                                                       "x.up.example.com. 60 IN CNAME x.a.up.example.com."}))
      << "it grows into itself";
  // Back at d with a shorter name than before: on it goes.
  EXPECT_EQ(ask_for("x.b.d.example.com").answer,
            (Lines{"d.example.com. 60 IN DNAME e.example.com.", "x.b.d.example.com. 60 IN CNAME x.b.e.example.com.",
                   "b.e.example.com. 60 IN DNAME d.example.com.", "x.b.e.example.com. 60 IN CNAME x.d.example.com.",
                   "x.d.example.com. 60 IN CNAME x.e.example.com.", "x.e.example.com. 60 IN A 192.0.2.1"}));
  const ParsedReply same = ask_for("same.example.com", RrType::https);
  EXPECT_EQ(same.answer.size(), 1U);
  EXPECT_EQ(same.additional, Lines{}) << "its alias is itself";
}

// Names in the data of RFC 1035's types, by what stands before them in the reply: the sizes are those of other servers.
TEST(AnswerNames, NamesInDataAreShortened) {
  test::ZoneText text;
  text.lines = {"@ 3600 SOA ns1 hostmaster 1 2 3 4 300",
                "@ 3600 NS ns1",
                "@ 3600 NS ns1.provider.net.",
                "@ 3600 NS ns2.provider.net.",
                "ns1 3600 A 192.0.2.1",
                "@ 3600 MX 10 mail",
                "mail 3600 A 192.0.2.3",
                "www 300 CNAME web.deep.www",
                "web.deep.www 300 CNAME Host.deep.www",
                "host.deep.www 300 CNAME ns1",
                "*.wild 300 CNAME target.of.wild",
                "target.of.wild 300 A 192.0.2.5",
                "*.mx 300 MX 10 mail",
                "*.mx 300 MX 20 *.mx",
                "child 3600 NS ns1.child",
                "child 3600 NS ns2.child",
                "ns1.child 3600 A 192.0.2.6",
                "ns2.child 3600 A 192.0.2.7",
                "in 300 CNAME x.child",
                "old 300 DNAME deep.www",
                "srv 300 SRV 1 2 443 mail",
                "7 300 PTR srv"};
  const Snapshot snapshot = snapshot_of(test::zone_of(text));
  struct Reply {
    const char* name;
    RrType type;
    std::size_t octets;
    Lines answer;
    Lines authority;
    Lines additional;
  };
  const std::string soa = "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 1 2 3 4 300";
  const Lines glue = {"ns1.child.example.com. 3600 IN A 192.0.2.6", "ns2.child.example.com. 3600 IN A 192.0.2.7"};
  const Lines cut = {"child.example.com. 3600 IN NS ns1.child.example.com.",
                     "child.example.com. 3600 IN NS ns2.child.example.com."};
  for (const Reply& c : std::initializer_list<Reply>{
           {"No.Example.com", RrType::a, 12 + 20 + 12 + 6 + 13 + 20, {}, {soa}, {}},
           {"www.no.example.com", RrType::a, 12 + 24 + 12 + 6 + 13 + 20, {}, {soa}, {}},
           {"example.com",
            RrType::soa,
            0,
            {"example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 2 3 4 300"},
            {},
            {}},
           {"example.com",
            RrType::ns,
            12 + 17 + (12 + 6) + (12 + 18) + (12 + 6) + 16,
            {"example.com. 3600 IN NS ns1.example.com.", "example.com. 3600 IN NS ns1.provider.net.",
             "example.com. 3600 IN NS ns2.provider.net."},
            {},
            {"ns1.example.com. 3600 IN A 192.0.2.1"}},
           {"example.com",
            RrType::mx,
            12 + 17 + (12 + 2 + 7) + 16,
            {"example.com. 3600 IN MX 10 mail.example.com."},
            {},
            {"mail.example.com. 3600 IN A 192.0.2.3"}},
           {"www.example.com",
            RrType::a,
            12 + 21 + (12 + 11) + (12 + 7) + (12 + 6) + 16,
            {"www.example.com. 300 IN CNAME web.deep.www.example.com.",
             "web.deep.www.example.com. 300 IN CNAME Host.deep.www.example.com.",
             "Host.deep.www.example.com. 300 IN CNAME ns1.example.com.", "ns1.example.com. 3600 IN A 192.0.2.1"},
            {},
            {}},
           {"a.b.wild.example.com",
            RrType::a,
            0,
            {"a.b.wild.example.com. 300 IN CNAME target.of.wild.example.com.",
             "target.of.wild.example.com. 300 IN A 192.0.2.5"},
            {},
            {}},
           {"a.mx.example.com",
            RrType::mx,
            0,
            {"a.mx.example.com. 300 IN MX 10 mail.example.com.", "a.mx.example.com. 300 IN MX 20 *.mx.example.com."},
            {},
            {"mail.example.com. 3600 IN A 192.0.2.3"}},
           {"*.mx.example.com",
            RrType::mx,
            0,
            {"*.mx.example.com. 300 IN MX 10 mail.example.com.", "*.mx.example.com. 300 IN MX 20 *.mx.example.com."},
            {},
            {"mail.example.com. 3600 IN A 192.0.2.3"}},
           {"a.b.child.example.com", RrType::a, 12 + 27 + 2 * (12 + 6) + 2 * 16, {}, cut, glue},
           {"in.example.com", RrType::a, 0, {"in.example.com. 300 IN CNAME x.child.example.com."}, cut, glue},
           {"host.old.example.com",
            RrType::a,
            0,
            {"old.example.com. 300 IN DNAME deep.www.example.com.",
             "host.old.example.com. 300 IN CNAME host.deep.www.example.com.",
             "host.deep.www.example.com. 300 IN CNAME ns1.example.com.", "ns1.example.com. 3600 IN A 192.0.2.1"},
            {},
            {}},
           {"srv.example.com",  // RFC 2782: never shortened
            RrType::srv,
            12 + 21 + (12 + 6 + 18) + 16,
            {"srv.example.com. 300 IN SRV 1 2 443 mail.example.com."},
            {},
            {"mail.example.com. 3600 IN A 192.0.2.3"}},
           {"7.example.com", RrType::ptr, 12 + 19 + 12 + 6, {"7.example.com. 300 IN PTR srv.example.com."}, {}, {}},
       }) {
    const Asked asked = ask(snapshot, c.name, c.type);
    EXPECT_EQ(asked.reply.answer, c.answer) << c.name;
    EXPECT_EQ(asked.reply.authority.size(), c.authority.size()) << c.name;
    if (c.name != std::string("No.Example.com")) {
      EXPECT_EQ(asked.reply.authority, c.authority) << c.name;
    }
    EXPECT_EQ(asked.reply.additional, c.additional) << c.name;
    if (c.octets != 0) {
      EXPECT_EQ(asked.info.length, c.octets) << c.name;
    }
  }
}

// RFC 4035 section 3.1.4.1: a child does not know what its parent says of it.
TEST(AnswerNames, DsInTheChildsOwnFileIsNoData) {
  test::ZoneText child;
  child.apex = "sub.example.org";
  child.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5", "@ 60 NS ns.example.org.",
                 "@ 60 DS \\# 1234 08 02 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
  const BuiltZone built = test::build_zone(child);
  ASSERT_EQ(built.problems.size(), 1U);
  EXPECT_EQ(built.problems[0].text, "sub.example.org.: DS at the apex is never answered, it belongs to the parent");
  const Snapshot snapshot = snapshot_of(built.zone);
  const Asked asked = ask(snapshot, "sub.example.org", RrType::ds);
  EXPECT_EQ(asked.info.kind, AnswerKind::nodata);
  EXPECT_TRUE(asked.reply.aa());
  EXPECT_EQ(asked.reply.authority.size(), 1U);
}

// RFC 4592 sections 4.2 and 4.4 leave them without a use; they are data as any other.
TEST(AnswerNames, NsAndDnameOfAWildcardDelegateAndRedirectNothing) {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5", "@ 60 NS ns.example.org.", "*.n 60 NS ns.example.org.",
                "*.d 60 DNAME e"};
  const BuiltZone built = test::build_zone(text);
  ASSERT_NE(built.zone, nullptr);
  const Snapshot snapshot = snapshot_of(built.zone);
  const auto ask_for = [&](const char* name, RrType type) { return ask(snapshot, name, type); };
  EXPECT_EQ(ask_for("a.n.example.com", RrType::ns).reply.answer, Lines{"a.n.example.com. 60 IN NS ns.example.org."});
  EXPECT_EQ(ask_for("a.n.example.com", RrType::a).info.kind, AnswerKind::nodata);
  EXPECT_EQ(ask_for("a.d.example.com", RrType::dname).reply.answer,
            Lines{"a.d.example.com. 60 IN DNAME e.example.com."});
  EXPECT_EQ(ask_for("b.a.d.example.com", RrType::a).info.kind, AnswerKind::nodata);
}

}  // namespace
}  // namespace dns::answer_names_test
