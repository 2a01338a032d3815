#include "dns/core/answer/reply_frame.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "dns/core/answer/answer.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::reply_frame_test {
namespace {

using test::Bytes;
using test::ParsedReply;
using test::QueryBuilder;

struct Asked {
  AnswerInfo info;
  ParsedReply reply;
  Bytes packet;
};

[[nodiscard]] const Snapshot& world() {
  static const Snapshot snapshot = test::example_world();
  return snapshot;
}

[[nodiscard]] Asked ask(const Snapshot& snapshot, const QueryBuilder& query, Transport transport = Transport::udp,
                        const char* client = "192.0.2.200") {
  const Bytes packet = query.build();
  Bytes out(kMaxMessageSize);
  test::Asker asker;
  asker.client = shared::IpAddress::parse(client).value();
  asker.transport = transport;
  asker.idle_timeout = 300;
  NullTrace trace;
  Asked asked;
  asked.info = test::answer_packet(snapshot, packet, asker, out, trace);
  out.resize(asked.info.length);
  asked.reply = test::parse_reply(out);
  asked.packet = std::move(out);
  EXPECT_TRUE(asked.reply.sound) << query.name;
  return asked;
}

[[nodiscard]] QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder;
}

TEST(Edns, NoOptInNoOptOut) {
  EXPECT_FALSE(ask(world(), query("static.example.com")).reply.has_opt);
  EXPECT_FALSE(ask(world(), query("www.example.org")).reply.has_opt);
  const Asked asked = ask(world(), query("static.example.com").with_edns(512));
  EXPECT_TRUE(asked.reply.has_opt);
  EXPECT_EQ(asked.reply.udp_size, 1232U);
}

TEST(Edns, DoIsCopiedAndOtherFlagsAreCleared) {
  QueryBuilder builder = query("static.example.com").with_edns();
  builder.edns_flags = 0xFFFF;
  EXPECT_EQ(ask(world(), builder).reply.opt_ttl, 0x8000U);
  builder.edns_flags = 0x7FFF;
  EXPECT_EQ(ask(world(), builder).reply.opt_ttl, 0U);
}

TEST(Edns, Badvers) {
  QueryBuilder builder = query("static.example.com").with_edns();
  builder.version = 1;
  const Asked asked = ask(world(), builder);
  EXPECT_EQ(asked.reply.rcode(), 16U);
  EXPECT_EQ((asked.reply.opt_ttl >> 16) & 0xFF, 0U);  // the highest version that we have
  EXPECT_TRUE(asked.reply.answer.empty());
  EXPECT_EQ(asked.reply.question, builder.question());
}

TEST(Edns, UnknownOptionsAreNotEchoed) {
  const Asked asked = ask(world(), query("static.example.com").option(65001, "0102").option(10, "0011223344556677"));
  EXPECT_EQ(asked.info.rcode, Rcode::noerror);
  EXPECT_TRUE(asked.reply.options.empty());
}

[[nodiscard]] Snapshot world_with_cookies() {
  Snapshot snapshot = world();
  snapshot.cookies.count = 1;
  return snapshot;
}

TEST(Edns, ACookieIsAnsweredWithOurs) {
  const Snapshot cookies = world_with_cookies();
  const QueryBuilder asking = query("static.example.com").option(10, "0011223344556677");
  for (const Transport transport : {Transport::udp, Transport::tcp}) {
    const Asked asked = ask(cookies, asking, transport);
    EXPECT_EQ(asked.info.cookie, CookieState::client_only);
    const Bytes cookie = asked.reply.option(10).value();
    ASSERT_EQ(cookie.size(), 24U);
    EXPECT_TRUE(std::equal(cookie.begin(), cookie.begin() + 8, test::from_hex("0011223344556677").begin()));
    EXPECT_EQ(ask(cookies, query("static.example.com").option(10, cookie), transport).info.cookie, CookieState::valid);
  }
  for (const char* name : {"missing.example.com", "x.sub.example.com", "www.example.org", "www.example.com"}) {
    EXPECT_TRUE(ask(cookies, query(name).option(10, "0011223344556677")).reply.option(10)) << name;
  }
  EXPECT_FALSE(ask(cookies, query("static.example.com").with_edns()).reply.option(10));
  EXPECT_FALSE(ask(world(), asking).reply.option(10));
}

// RFC 7873 section 5.4.
TEST(Edns, ACookieAlone) {
  const auto ask_alone = [](const Snapshot& snapshot, const Bytes& cookie, Transport transport) {
    Bytes packet = test::from_hex("1234 0000 0000 0000 0000 0001");
    test::append(packet, QueryBuilder().option(10, cookie).opt());
    Bytes out(kMaxMessageSize);
    test::Asker asker;
    asker.transport = transport;
    NullTrace trace;
    out.resize(test::answer_packet(snapshot, packet, asker, out, trace).length);
    return test::parse_reply(out);
  };
  const Snapshot cookies = world_with_cookies();
  for (const Transport transport : {Transport::udp, Transport::tcp}) {
    const ParsedReply learned = ask_alone(cookies, Bytes(8, 1), transport);
    EXPECT_TRUE(learned.sound);
    EXPECT_EQ(learned.rcode(), 0U);
    EXPECT_TRUE(learned.question.empty());
    const Bytes cookie = learned.option(10).value();
    EXPECT_EQ(ask_alone(cookies, cookie, transport).rcode(), 0U);
    EXPECT_EQ(ask_alone(cookies, Bytes(24, 1), transport).rcode(), 23U);
    EXPECT_EQ(ask_alone(world(), Bytes(8, 1), transport).rcode(), 1U);
  }
}

TEST(Edns, FormatErrorsOfOptionsStillCarryAnOpt) {
  const Asked asked = ask(world(), query("static.example.com").option(10, "00"));
  EXPECT_EQ(asked.info.rcode, Rcode::formerr);
  EXPECT_TRUE(asked.reply.has_opt);
}

TEST(Edns, NsidOnlyWhenAsked) {
  EXPECT_FALSE(ask(world(), query("static.example.com").with_edns()).reply.option(3));
  EXPECT_EQ(ask(world(), query("static.example.com").option(3, "")).reply.option(3),
            (Bytes{'n', 'o', 'd', 'e', '-', '1'}));
  Snapshot silent = world();
  silent.identity.nsid.clear();
  EXPECT_FALSE(ask(silent, query("static.example.com").option(3, "")).reply.option(3));
}

// Nothing is made from a DNAME that had no room, also where the CNAME (19 octets, ten fewer) would have it.
TEST(Size, ADnameThatDoesNotFitIsTruncatedWithoutACname) {
  Snapshot snapshot = world();
  const QueryBuilder asking = query("host.old.example.com").with_edns(512).option(3, "");
  for (const std::size_t room : {10U, 19U, 28U}) {
    snapshot.identity.nsid = std::string(512 - kHeaderSize - asking.question().size() - kOptFixedSize - 4 - room, 'n');
    const Asked asked = ask(snapshot, asking);
    EXPECT_TRUE(asked.reply.tc()) << room;
    EXPECT_TRUE(asked.reply.sound && asked.reply.answer.empty()) << room;
  }
}

// It has its room before the answer, which is truncated; one that leaves no room for OPT itself goes, and the answer
// stands.
TEST(Edns, AnNsidThatDoesNotFitIsLeftOutAndTheRestStands) {
  Snapshot snapshot = world();
  const QueryBuilder asking = query("static.example.com").with_edns(512).option(3, "");
  const std::size_t room = 512 - kHeaderSize - asking.question().size() - kOptFixedSize - 4;
  const Asked without = ask(snapshot, query("static.example.com").with_edns(512));
  for (const std::size_t excess : {1U, 100U, 60'000U}) {
    snapshot.identity.nsid = std::string(room + excess, 'n');
    const Asked asked = ask(snapshot, asking);
    EXPECT_FALSE(asked.reply.option(3)) << excess;
    EXPECT_TRUE(asked.reply.has_opt);
    EXPECT_EQ(asked.packet, without.packet) << excess;
  }
  snapshot.identity.nsid = std::string(room, 'n');
  const Asked full = ask(snapshot, asking);
  EXPECT_EQ(full.packet.size(), 512U);
  EXPECT_EQ(full.reply.option(3), Bytes(room, 'n'));
  EXPECT_TRUE(full.reply.tc());
  EXPECT_TRUE(full.reply.answer.empty());
  snapshot.identity.nsid.resize(room - (without.reply.answer.size() * 16));
  const Asked both = ask(snapshot, asking);
  EXPECT_EQ(both.packet.size(), 512U);
  EXPECT_FALSE(both.reply.tc());
  EXPECT_EQ(both.reply.answer, without.reply.answer);
}

// RFC 8467 section 4.1.
TEST(Edns, AnswersOverTlsArePaddedToABlock) {
  const Asked padded = ask(world(), query("static.example.com").with_edns(), Transport::tls);
  EXPECT_EQ(padded.packet.size(), 468U);
  ASSERT_TRUE(padded.reply.option(12));
  const Asked unknown = ask(world(), query("nobody.example.com").with_edns(), Transport::tls);
  EXPECT_EQ(unknown.packet.size() % 468, 0U);
  EXPECT_FALSE(ask(world(), query("static.example.com"), Transport::tls).reply.option(12)) << "there is no OPT";
  EXPECT_FALSE(ask(world(), query("static.example.com").option(12, "xx"), Transport::tcp).reply.option(12));
  EXPECT_EQ(ask(world(), query("static.example.com").option(11, ""), Transport::tls).reply.option(11), (Bytes{1, 44}));
}

TEST(Edns, KeepaliveOnlyOnTcpAndOnlyWhenAsked) {
  const QueryBuilder asking = query("static.example.com").option(11, "");
  EXPECT_EQ(ask(world(), asking, Transport::tcp).reply.option(11), (Bytes{1, 44}));
  EXPECT_FALSE(ask(world(), asking, Transport::udp).reply.option(11));
  EXPECT_FALSE(ask(world(), query("static.example.com").with_edns(), Transport::tcp).reply.option(11));
}

struct ScopeCase {
  const char* name;
  RrType type;
  const char* subnet;
  bool tailored;
};

TEST(Ecs, EchoedExactlyWithAScope) {
  for (const ScopeCase& c : std::initializer_list<ScopeCase>{
           {"www.example.com", RrType::a, "198.51.100.0/24", true},
           {"www.example.com", RrType::aaaa, "198.51.100.0/22", true},
           {"www.example.com", RrType::a, "2001:db8:ec::/48", true},
           {"x.geo.example.com", RrType::a, "198.51.100.0/24", true},
           {"steered.example.com", RrType::a, "198.51.100.0/24", true},
           {"www.example.com", RrType::a, "0.0.0.0/0", false},
           {"www.example.com", RrType::a, "::/0", false},
           {"www.example.com", RrType::txt, "198.51.100.0/24", false},
           {"www.example.com", RrType::mx, "198.51.100.0/24", false},
           {"four.example.com", RrType::aaaa, "198.51.100.0/24", false},
           {"static.example.com", RrType::a, "198.51.100.0/24", false},
           {"missing.example.com", RrType::a, "198.51.100.0/24", false},
           {"x.sub.example.com", RrType::a, "198.51.100.0/24", false},
           {"www.example.org", RrType::a, "198.51.100.0/24", false},
       }) {
    const QueryBuilder builder = query(c.name, c.type).subnet(c.subnet);
    const Asked asked = ask(world(), builder);
    auto echoed = asked.reply.option(8);
    ASSERT_TRUE(echoed) << c.name;
    EXPECT_EQ((*echoed)[3] != 0, c.tailored) << c.name << ' ' << c.subnet;
    (*echoed)[3] = 0;
    EXPECT_EQ(*echoed, Bytes(builder.options.begin() + 4, builder.options.end())) << c.name;
    EXPECT_TRUE(asked.info.with_subnet);
  }
}

TEST(Ecs, WhatDigSaysForNoSubnetIsEchoed) {
  const Asked asked = ask(world(), query("www.example.com").option(8, "0000 00 00"));
  EXPECT_EQ(asked.reply.option(8), (Bytes{0, 0, 0, 0}));
  EXPECT_EQ(asked.info.kind, AnswerKind::policy);
}

TEST(Ecs, NoneInNoneOutEvenIfTheAddressChose) {
  const Asked eu = ask(world(), query("www.example.com").with_edns(), Transport::udp, "198.51.100.9");
  EXPECT_EQ(eu.reply.answer.at(0), "www.example.com. 60 IN A 203.0.113.31");
  EXPECT_FALSE(eu.reply.option(8));
  const Asked none = ask(world(), query("www.example.com").subnet("0.0.0.0/0"), Transport::udp, "198.51.100.9");
  EXPECT_EQ(none.reply.answer, eu.reply.answer);  // source 0: by the resolver's address
}

TEST(Ecs, ErrorsAreFormatErrors) {
  const Asked asked = ask(world(), query("www.example.com").option(8, "0003 18 00 c63364"));
  EXPECT_EQ(asked.info.rcode, Rcode::formerr);
  EXPECT_TRUE(asked.reply.answer.empty());
}

// Answers whose (address/scope) blocks overlap are equal (RFC 7871 section 7.2.1).
TEST(Ecs, OverlappingScopesHaveOneAnswer) {
  std::mt19937 random(7);
  const auto draw = [&] {
    std::uint32_t address = random() % 2 == 0 ? 0xC6336400 ^ (random() % 0x800) : static_cast<std::uint32_t>(random());
    const unsigned source = 1 + random() % 32;
    address &= ~std::uint32_t{0} << (32 - source);
    return shared::IpAddress::v4(address).to_string() + "/" + std::to_string(source);
  };
  struct Block {
    std::uint32_t address;
    unsigned scope;
    std::vector<std::string> answer;
  };
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) {
    const std::string subnet = draw();
    const Asked asked = ask(world(), query("www.example.com").subnet(subnet));
    const Bytes option = *asked.reply.option(8);
    std::uint32_t address = 0;
    for (std::size_t j = 0; j < 4; ++j) address = address << 8 | (4 + j < option.size() ? option[4 + j] : 0U);
    blocks.push_back({address, option[3], asked.reply.answer});
  }
  for (const Block& a : blocks) {
    for (const Block& b : blocks) {
      const unsigned common = std::min(a.scope, b.scope);
      if (common == 0 || (a.address ^ b.address) >> (32 - common) == 0) {
        EXPECT_EQ(a.answer, b.answer);
      }
    }
  }
}

// A zone with RRsets of any size, to see what happens at the edge.
[[nodiscard]] Snapshot sized_world() {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5", "@ 60 NS ns.example.org.", "chain 60 CNAME t700"};
  for (int size = 100; size <= 3000; size += 100) {
    for (int at = 0; at < size; at += 100) {
      text.lines.push_back("t" + std::to_string(size) + " 60 TXT " + std::to_string(at) + std::string(80, 'x'));
    }
  }
  text.lines.push_back("big 60 NS ns.big");
  for (int i = 0; i < 60; ++i) text.lines.push_back("ns.big 60 AAAA 2001:db8::" + std::to_string(i + 1));
  text.lines.push_back("wide 60 NS x.example.org.");
  text.lines.push_back("wide 60 MX 1 host");
  text.lines.push_back("mx 60 MX 1 host");
  for (int i = 0; i < 60; ++i) text.lines.push_back("host 60 AAAA 2001:db8::" + std::to_string(i + 1));
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  return snapshot;
}

TEST(Size, RepliesKeepWithinTheirLimitAndAreWholeOrTruncated) {
  const Snapshot snapshot = sized_world();
  for (int size = 100; size <= 3000; size += 100) {
    for (const unsigned said : {0U, 300U, 512U, 700U, 1232U, 4096U}) {
      QueryBuilder builder = query("t" + std::to_string(size) + ".example.com", RrType::txt);
      if (said > 0) builder.with_edns(said);
      const std::size_t limit = std::clamp(said, 512U, 1232U);
      const Asked asked = ask(snapshot, builder);
      EXPECT_LE(asked.packet.size(), limit);
      EXPECT_EQ(asked.reply.tc(), asked.reply.answer.empty()) << size << ' ' << said;
      const Asked tcp = ask(snapshot, builder, Transport::tcp);
      EXPECT_FALSE(tcp.reply.tc());
      EXPECT_EQ(tcp.reply.answer.size(), static_cast<std::size_t>(size / 100));
      if (!asked.reply.tc()) {
        EXPECT_EQ(asked.reply.answer, tcp.reply.answer);
      }
      EXPECT_EQ(asked.reply.tc(), tcp.packet.size() > limit) << size << ' ' << said;
    }
  }
}

TEST(Size, WhatFitsOfAChainStays) {
  const Asked asked = ask(sized_world(), query("chain.example.com", RrType::txt));
  EXPECT_TRUE(asked.reply.tc());
  EXPECT_EQ(asked.reply.answer.size(), 1U);
}

TEST(Size, RequiredGlueThatDoesNotFitTruncates) {
  const Snapshot snapshot = sized_world();
  const Asked asked = ask(snapshot, query("x.big.example.com").with_edns());
  EXPECT_TRUE(asked.reply.tc());
  EXPECT_EQ(asked.reply.authority.size(), 1U);
  EXPECT_TRUE(asked.reply.additional.empty());
  EXPECT_EQ(ask(snapshot, query("x.big.example.com"), Transport::tcp).reply.additional.size(), 60U);
}

TEST(Size, AdditionalDataThatDoesNotFitIsLeftOutSilently) {
  const Asked asked = ask(sized_world(), query("mx.example.com", RrType::mx).with_edns());
  EXPECT_FALSE(asked.reply.tc());
  EXPECT_EQ(asked.reply.answer.size(), 1U);
  EXPECT_TRUE(asked.reply.additional.empty());
}

TEST(Size, EdeIsTheFirstToGo) {
  QueryBuilder builder = query("www.example.org").option(3, "");
  builder.udp_size = 512;
  Snapshot snapshot = world();
  const std::size_t without_nsid = kHeaderSize + builder.question().size() + kOptFixedSize + 4;
  snapshot.identity.nsid = std::string(512 - without_nsid, 'n');
  const Asked full = ask(snapshot, builder);
  EXPECT_EQ(full.packet.size(), 512U);
  EXPECT_FALSE(full.reply.ede());
  EXPECT_TRUE(full.reply.option(3));
  snapshot.identity.nsid.resize(snapshot.identity.nsid.size() - 6);
  EXPECT_EQ(ask(snapshot, builder).reply.ede(), 20U);
}

TEST(Size, OwnersBeyondAPointersReachAreWrittenInFull) {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns.example.org. h 1 2 3 4 5", "@ 60 NS ns.example.org."};
  constexpr int kServers = 800;
  for (int i = 0; i < kServers; ++i) {
    const std::string host = "host" + std::to_string(i);
    text.lines.push_back("srv 60 SRV 1 1 1 " + host);
    text.lines.push_back("sub 60 NS " + host + ".sub");
    text.lines.push_back(host + ".sub 60 A 192.0.2.1");
    text.lines.push_back(host + " 60 A 192.0.2.1");
  }
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked referral = ask(snapshot, query("x.sub.example.com"), Transport::tcp);
  EXPECT_EQ(referral.reply.additional.size(), static_cast<std::size_t>(kServers));
  EXPECT_FALSE(referral.reply.tc());
  const Asked srv = ask(snapshot, query("srv.example.com", RrType::srv), Transport::tcp);
  EXPECT_EQ(srv.reply.answer.size(), static_cast<std::size_t>(kServers));
  EXPECT_EQ(srv.reply.additional.size(), 16U);  // bounded work
}

TEST(ReplyFrame, WhatNoLinkTakesIsCutToItsQuestion) {
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
}  // namespace dns::reply_frame_test
