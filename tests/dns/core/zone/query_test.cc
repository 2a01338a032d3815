#include "dns/core/zone/query.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/dns_message.h"

namespace dns::query_test {
namespace {

using test::Bytes;
using test::QueryBuilder;

TEST(ParseQuery, ReadsAPlainQuestion) {
  QueryBuilder builder;
  builder.name = "WwW.Example.com";
  builder.flags = kFlagRd;
  const Bytes packet = builder.build();
  const Query query = parse_query(packet);
  EXPECT_EQ(query.verdict, Verdict::answer);
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_EQ(query.type, RrType::a);
  EXPECT_EQ(query.klass, RrClass::in);
  EXPECT_FALSE(query.edns);
  EXPECT_TRUE(std::ranges::equal(query.question, builder.question()));  // case as it came
  EXPECT_EQ(name_to_text(query.name.wire()), "www.example.com.");
}

TEST(ParseQuery, DropsWhatMustNotBeAnswered) {
  QueryBuilder builder;
  builder.flags = kFlagQr;
  EXPECT_EQ(parse_query(builder.build()).verdict, Verdict::drop);
  const Bytes whole = QueryBuilder().build();
  for (std::size_t size = 0; size < kHeaderSize; ++size) {
    EXPECT_EQ(parse_query(std::span(whole).first(size)).verdict, Verdict::drop);
  }
}

TEST(ParseQuery, EveryCutOffPacketIsAFormatError) {
  const Bytes whole = QueryBuilder().with_edns().subnet("198.51.100.0/24").build();
  for (std::size_t size = kHeaderSize; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Query query = parse_query(cut);
    EXPECT_EQ(query.verdict, Verdict::reject) << size;
    EXPECT_EQ(query.error, Rcode::formerr) << size;
  }
}

struct Malformed {
  const char* what;
  const char* hex;  // behind id and flags
};

TEST(ParseQuery, MalformedMessages) {
  for (const Malformed& c : std::initializer_list<Malformed>{
           {"no question", "0000 0000 0000 0000"},
           {"two questions", "0002 0000 0000 0000 0161 00 0001 0001 0161 00 0001 0001"},
           {"pointer in the question", "0001 0000 0000 0000 c00c 0001 0001"},
           {"pointer behind a label", "0001 0000 0000 0000 0161 c00c 0001 0001"},
           {"label type 01", "0001 0000 0000 0000 41 0001 0001"},
           {"trailing garbage", "0001 0000 0000 0000 0161 00 0001 0001 00"},
           {"a record short", "0001 0000 0000 0001 0161 00 0001 0001"},
           {"RDATA past the end", "0001 0000 0000 0001 0161 00 0001 0001 00 0029 0200 00000000 0001"},
           {"owner past the end", "0001 0000 0000 0001 0161 00 0001 0001 0561"},
           {"two OPT", "0001 0000 0000 0002 0161 00 0001 0001 00 0029 0200 00000000 0000 00 0029 0200 00000000 0000"},
           {"OPT not at the root", "0001 0000 0000 0001 0161 00 0001 0001 016200 0029 0200 00000000 0000"},
           {"OPT at a pointer", "0001 0000 0000 0001 0161 00 0001 0001 c00e 0029 0200 00000000 0000"},
           {"option head cut off", "0001 0000 0000 0001 0161 00 0001 0001 00 0029 0200 00000000 0003 000300"},
           {"option past the end", "0001 0000 0000 0001 0161 00 0001 0001 00 0029 0200 00000000 0004 00030001"},
       }) {
    Bytes packet = {0, 1, 0, 0};
    test::append(packet, test::from_hex(c.hex));
    const Query query = parse_query(packet);
    EXPECT_EQ(query.verdict, Verdict::reject) << c.what;
    EXPECT_EQ(query.error, Rcode::formerr) << c.what;
  }
}

TEST(ParseQuery, PointersInOwnersAreNotFollowed) {
  Bytes packet = {0, 1, 0, 0};  // an additional record whose owner points to itself
  test::append(packet, test::from_hex("0001 0000 0000 0001 0161 00 0001 0001 c013 0001 0001 00000000 0000"));
  EXPECT_EQ(parse_query(packet).verdict, Verdict::answer);
}

TEST(ParseQuery, NamesOver255OctetsAreFormatErrors) {
  QueryBuilder builder;
  builder.name.clear();
  for (int i = 0; i < 4; ++i) builder.name += std::string(63, 'a') + ".";
  EXPECT_EQ(parse_query(builder.build()).error, Rcode::formerr);
  builder.name.resize(builder.name.size() - 3);
  const Bytes longest = builder.build();
  EXPECT_EQ(parse_query(longest).verdict, Verdict::answer);
  EXPECT_EQ(parse_query(longest).name.wire().size(), 255U);
}

TEST(ParseQuery, UnknownOpcodesKeepQuestionAndEdns) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    QueryBuilder builder;
    builder.flags = static_cast<std::uint16_t>(opcode << 11);
    builder.with_edns();
    const Bytes packet = builder.build();
    const Query query = parse_query(packet);
    EXPECT_EQ(query.error, Rcode::notimp);
    EXPECT_EQ(static_cast<unsigned>(query.opcode()), opcode);
    EXPECT_TRUE(query.edns);
    EXPECT_FALSE(query.question.empty());
    EXPECT_EQ(parse_query(std::span(packet).first(kHeaderSize)).error, Rcode::notimp);
  }
}

TEST(ParseQuery, ReadsEdns) {
  QueryBuilder builder;
  builder.with_edns(4096).option(3, "").option(11, "").option(65001, "00ff");
  builder.edns_flags = 0x8001;  // DO and a flag that nobody knows
  const Bytes packet = builder.build();
  const Query query = parse_query(packet);
  ASSERT_EQ(query.verdict, Verdict::answer);
  EXPECT_EQ(query.edns->udp_size, 4096);
  EXPECT_TRUE(query.edns->dnssec_ok);
  EXPECT_TRUE(query.edns->wants_nsid);
  EXPECT_TRUE(query.edns->wants_keepalive);
  EXPECT_TRUE(query.edns->subnet.empty());
}

TEST(ParseQuery, SizesBelow512CountAs512) {
  for (const unsigned size : {0U, 1U, 511U, 512U}) {
    EXPECT_EQ(parse_query(QueryBuilder().with_edns(size).build()).edns->udp_size, 512);
  }
}

TEST(ParseQuery, OptStandsAnywhereInTheAdditionalSection) {
  const Bytes other = test::from_hex("00 00fa 00ff 00000000 0000");
  Bytes packet = QueryBuilder().build();
  packet[11] = 3;
  test::append(packet, other);
  test::append(packet, QueryBuilder().with_edns(1400).opt());
  test::append(packet, other);
  const Query query = parse_query(packet);
  ASSERT_EQ(query.verdict, Verdict::answer);
  EXPECT_EQ(query.edns->udp_size, 1400);
}

TEST(ParseQuery, OtherVersionsAreBadversWhateverTheirOptions) {
  QueryBuilder builder;
  builder.version = 1;
  builder.option(8, "ffff");
  const Bytes packet = builder.build();
  const Query query = parse_query(packet);
  EXPECT_EQ(query.verdict, Verdict::reject);
  EXPECT_EQ(query.error, Rcode::badvers);
  EXPECT_TRUE(query.edns);
}

TEST(ParseQuery, CookieLengths) {
  for (std::size_t size = 0; size <= 64; ++size) {
    const Bytes packet = QueryBuilder().option(10, Bytes(size)).build();
    const Query query = parse_query(packet);
    const bool legal = size == 8 || (size >= 16 && size <= 40);
    EXPECT_EQ(query.verdict, legal ? Verdict::answer : Verdict::reject) << size;
    EXPECT_EQ(query.edns->cookie.size(), legal ? size : 0) << "a reply must not read what is not there";
  }
}

TEST(ParseQuery, TheFirstOfSeveralCookiesCounts) {
  const Bytes packet = QueryBuilder().option(10, "0102030405060708").option(10, "01").build();
  const Query query = parse_query(packet);
  EXPECT_EQ(query.verdict, Verdict::answer);
  EXPECT_TRUE(std::ranges::equal(query.edns->cookie, test::from_hex("0102030405060708")));
}

// RFC 7873 section 5.4.
TEST(ParseQuery, ACookieMayBeAllThatIsAskedFor) {
  const auto questionless = [](const QueryBuilder& builder) {
    Bytes packet = test::from_hex("1234 0000 0000 0000 0000 0001");
    test::append(packet, builder.opt());
    return packet;
  };
  const Bytes packet = questionless(QueryBuilder().option(10, "0102030405060708"));
  const Query query = parse_query(packet);
  EXPECT_EQ(query.verdict, Verdict::reject);
  EXPECT_EQ(query.error, Rcode::noerror);
  EXPECT_TRUE(query.question.empty());
  EXPECT_EQ(query.edns->cookie.size(), 8U);
  EXPECT_EQ(parse_query(questionless(QueryBuilder().with_edns())).error, Rcode::formerr);
  EXPECT_EQ(parse_query(questionless(QueryBuilder().option(10, "0102"))).error, Rcode::formerr);
  EXPECT_EQ(parse_query(questionless(QueryBuilder().subnet("192.0.2.0/24"))).error, Rcode::formerr);
}

struct SubnetCase {
  const char* what;
  const char* hex;
  Rcode error;
};

TEST(ParseQuery, ClientSubnets) {
  for (const SubnetCase& c : std::initializer_list<SubnetCase>{
           {"IPv4 /24", "0001 18 00 c63364", Rcode::noerror},
           {"IPv4 /0", "0001 00 00", Rcode::noerror},
           {"IPv4 /32", "0001 20 00 c6336401", Rcode::noerror},
           {"IPv4 /20", "0001 14 00 c63360", Rcode::noerror},
           {"IPv6 /56", "0002 38 00 20010db8000000", Rcode::noerror},
           {"IPv6 /128", "0002 80 00 20010db8000000000000000000000001", Rcode::noerror},
           {"family 0 with nothing, as dig +subnet=0 says", "0000 00 00", Rcode::noerror},
           {"family 0 with an address", "0000 08 00 0a", Rcode::formerr},
           {"unknown family", "0003 18 00 c63364", Rcode::formerr},
           {"IPv4 source over 32", "0001 21 00 c633640100", Rcode::formerr},
           {"IPv6 source over 128", "0002 81 00 20010db800000000000000000000000100", Rcode::formerr},
           {"address too short", "0001 18 00 c633", Rcode::formerr},
           {"address too long", "0001 18 00 c6336401", Rcode::formerr},
           {"bits past the source", "0001 14 00 c63364", Rcode::formerr},
           {"scope not zero", "0001 18 18 c63364", Rcode::formerr},
           {"cut off", "0001 18", Rcode::formerr},
           {"empty", "", Rcode::formerr},
       }) {
    const Bytes packet = QueryBuilder().option(8, c.hex).build();
    const Query query = parse_query(packet);
    EXPECT_EQ(query.error, c.error) << c.what;
    if (c.error == Rcode::noerror) {
      EXPECT_TRUE(std::ranges::equal(query.edns->subnet, test::from_hex(c.hex))) << c.what;
    }
  }
}

TEST(ParseQuery, AClientSubnetIsAnAddress) {
  const Query four = parse_query(QueryBuilder().subnet("198.51.100.0/24").build());
  ASSERT_TRUE(four.subnet);
  EXPECT_EQ(four.subnet->address.to_string(), "198.51.100.0");
  EXPECT_EQ(four.subnet->source, 24);
  const Query six = parse_query(QueryBuilder().subnet("2001:db8::/32").build());
  EXPECT_EQ(six.subnet->address.to_string(), "2001:db8::");
  EXPECT_FALSE(parse_query(QueryBuilder().option(8, "0000 00 00").build()).subnet);
}

TEST(ParseQuery, TwoClientSubnetsAreAFormatError) {
  const Bytes packet = QueryBuilder().subnet("198.51.100.0/24").subnet("192.0.2.0/24").build();
  EXPECT_EQ(parse_query(packet).error, Rcode::formerr);
}

}  // namespace
}  // namespace dns::query_test
