#include "dns/core/wire/name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "tests/support/dns_message.h"

namespace dns::name_test {
namespace {

[[nodiscard]] Name name(std::string_view text) { return Name::from_text(text).value(); }

TEST(Name, TextGoesToWireAndBack) {
  struct Case {
    const char* text;
    const char* canonical;
  };
  for (const Case& c : std::initializer_list<Case>{
           {".", "."},
           {"example.com", "example.com."},
           {"WWW.Example.COM.", "www.example.com."},
           {R"(a\.b.example)", R"(a\.b.example.)"},
           {R"(\065\000.x)", R"(a\000.x.)"},
           {R"(*.example)", "*.example."},
           {R"(a\\b)", R"(a\\b.)"},
       }) {
    const auto parsed = Name::from_text(c.text);
    ASSERT_TRUE(parsed) << c.text;
    EXPECT_EQ(parsed->to_text(), c.canonical);
    EXPECT_EQ(Name::from_text(parsed->to_text()).value(), *parsed);
    EXPECT_EQ(Name::from_wire(parsed->wire()), *parsed);
  }
}

TEST(Name, RefusesWhatIsNoName) {
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 4; ++i) long_name += std::string(63, 'a') + ".";
  for (const std::string& text : {std::string(), std::string("a..b"), std::string(".a"), long_label, long_name,
                                  std::string("a\\"), std::string("a\\12"), std::string("\\256")}) {
    EXPECT_FALSE(Name::from_text(text)) << text;
  }
  long_name.resize(long_name.size() - 3);  // 255 octets on the wire
  EXPECT_EQ(Name::from_text(long_name)->wire().size(), kMaxNameSize);
}

TEST(Name, WireMustBeOneWholeName) {
  for (const char* hex : {"", "01", "0161", "016100 00", "c00c", "40", "0161c000"}) {
    EXPECT_FALSE(Name::from_wire(test::from_hex(hex))) << hex;
  }
  EXPECT_EQ(name_length(test::from_hex("0161 00 ffff")), 3U);
  EXPECT_EQ(name_length(test::Bytes(300, 1)), 0U);
}

// The example of RFC 4034 section 6.1.
TEST(Name, CanonicalOrder) {
  const std::vector<Name> order = {name("example"),           name("a.example"),      name("yljkjljk.a.example"),
                                   name("Z.a.example"),       name("zABC.a.EXAMPLE"), name("z.example"),
                                   name(R"(\001.z.example)"), name("*.z.example"),    name(R"(\200.z.example)")};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) EXPECT_EQ(order[i] <=> order[j], i <=> j) << i << ' ' << j;
  }
}

TEST(Name, IsWithinLooksAtLabels) {
  EXPECT_TRUE(name("www.example.com").is_within(name("example.com")));
  EXPECT_TRUE(name("example.com").is_within(name("example.com")));
  EXPECT_TRUE(name("com").is_within(Name()));
  EXPECT_FALSE(name("badexample.com").is_within(name("example.com")));
  EXPECT_FALSE(name("com").is_within(name("example.com")));
}

TEST(HashedName, HashesEverySuffixWithoutRegardToCase) {
  HashedName mixed;
  HashedName plain;
  HashedName parent;
  const test::Bytes wire = test::wire_name("A-Label-That-Is-Longer-Than-8.WwW.eXample.com");
  ASSERT_EQ(mixed.assign(wire), wire.size());
  plain.assign(test::wire_name("a-label-that-is-longer-than-8.www.example.com"));
  parent.assign(test::wire_name("example.com"));
  ASSERT_EQ(mixed.labels(), 4U);
  for (unsigned label = 0; label <= 4; ++label) EXPECT_EQ(mixed.hash(label), plain.hash(label));
  EXPECT_EQ(mixed.hash(2), parent.hash(0));
  EXPECT_TRUE(std::ranges::equal(mixed.suffix(2), parent.wire()));
  EXPECT_TRUE(mixed.is_within(parent, 0));
  EXPECT_FALSE(parent.is_within(mixed, 0));
}

// What hashes of names would be if every process began with the same root: 500 names chosen for one place of 4,096.
TEST(HashedName, NamesChosenForOnePlaceOfATableAreSpread) {
  __extension__ using Uint128 = unsigned __int128;
  const auto published = [](const std::string& label) {
    std::uint64_t word = 0;
    std::memcpy(&word, (std::string(1, static_cast<char>(label.size())) + label).data(), label.size() + 1);
    const Uint128 product =
        static_cast<Uint128>(0x6D65726964696E31ULL ^ 0x9E3779B97F4A7C15ULL) * (word ^ 0xD6E8FEB86659FD93ULL);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::set<std::uint64_t> places;
  std::size_t chosen = 0;
  for (unsigned i = 0; chosen < 500; ++i) {
    std::string label = "a000000";
    for (unsigned at = 6, rest = i; rest > 0; rest /= 26, --at) label[at] = static_cast<char>('a' + rest % 26);
    if (published(label) >> 52 != 0x123) continue;
    ++chosen;
    HashedName name;
    name.assign(test::wire_name(label));
    places.insert(name.hash(0) >> 52);
  }
  EXPECT_GT(places.size(), 300U);
}

TEST(HashedName, ReadsNamesThatAreShortened) {
  // At 4 "example.com.", at 17 "www" and a pointer, at 23 a pointer to that.
  const test::Bytes message = test::from_hex("00000000 07 4558414d504c45 03 636f6d 00 03 577777 c004 c011");
  for (const std::size_t behind : {0, 1, 7, 8, 64}) {
    test::Bytes longer = message;
    longer.resize(message.size() + behind, 'Z');
    for (const std::size_t at : {17, 23}) {
      HashedName shortened;
      shortened.assign_at(longer, at);
      HashedName plain;
      plain.assign(test::wire_name("www.example.com"));
      ASSERT_EQ(shortened.labels(), 3U);
      EXPECT_TRUE(std::ranges::equal(shortened.wire(), plain.wire()));
      for (unsigned i = 0; i <= 3; ++i) EXPECT_EQ(shortened.hash(i), plain.hash(i)) << i;
    }
  }
}

// With the question known, the same name, label for label; whatever part of it the pointer leads to.
TEST(HashedName, TakesFromTheQuestionWhatANameSharesWithIt) {
  const test::Bytes asked = test::wire_name("Deep.Below.example.com");
  HashedName question;
  ASSERT_EQ(question.assign(asked), asked.size());
  for (unsigned label = 0; label <= question.labels(); ++label) {
    for (const std::size_t behind : {0, 8}) {
      test::Bytes message(kHeaderSize);
      test::append(message, asked);
      const std::size_t at = message.size();
      test::append(message, test::from_hex("03 4e5331 02 7878"));
      test::append_u16(message, 0xC000U | static_cast<unsigned>(kHeaderSize + question.offset(label)));
      message.resize(message.size() + behind, 'Z');
      HashedName alone;
      alone.assign_at(message, at);
      HashedName known;
      known.assign_at(message, at, question);
      ASSERT_EQ(known.labels(), 2 + question.labels() - label);
      EXPECT_TRUE(std::ranges::equal(known.wire(), alone.wire())) << label;
      for (unsigned i = 0; i <= known.labels(); ++i) {
        EXPECT_EQ(known.hash(i), alone.hash(i)) << label << ' ' << i;
        EXPECT_EQ(known.offset(i), alone.offset(i)) << label << ' ' << i;
      }
    }
  }
}

// A name at the very end of its packet cannot be read by whole words.
TEST(HashedName, IsTheSameWhateverStandsBehindIt) {
  for (std::size_t label = 1; label <= 63; ++label) {
    const test::Bytes wire = test::wire_name(std::string(label, 'L') + ".wWw." + std::string(64 - label, 'x') + ".com");
    HashedName tight;
    ASSERT_EQ(tight.assign(wire), wire.size());
    for (std::size_t behind = 1; behind <= 16; ++behind) {
      test::Bytes longer = wire;
      longer.resize(wire.size() + behind, 'Z');
      HashedName roomy;
      ASSERT_EQ(roomy.assign(longer), wire.size());
      EXPECT_TRUE(same_octets(roomy.wire(), tight.wire()));
      for (unsigned i = 0; i <= tight.labels(); ++i) EXPECT_EQ(roomy.hash(i), tight.hash(i)) << label << ' ' << behind;
    }
  }
}

TEST(Name, SameOctetsLooksAtEachOfThem) {
  test::Bytes one(40);
  for (std::size_t size = 0; size < one.size(); ++size) {
    const test::Bytes same(size);
    EXPECT_TRUE(same_octets(same, NameSpan(one).first(size)));
    EXPECT_FALSE(same_octets(same, NameSpan(one).first(size + 1)));
    for (std::size_t i = 0; i < size; ++i) {
      test::Bytes other = same;
      other[i] = 1;
      EXPECT_FALSE(same_octets(same, other)) << size << ' ' << i;
    }
  }
}

TEST(HashedName, TakesTheLongestNameAndNoLonger) {
  test::Bytes wire;
  for (int i = 0; i < 127; ++i) test::append(wire, test::from_hex("0161"));
  wire.push_back(0);
  HashedName hashed;
  EXPECT_EQ(hashed.assign(wire), 255U);
  EXPECT_EQ(hashed.labels(), 127U);
  wire.insert(wire.begin(), {1, 'a'});
  EXPECT_EQ(hashed.assign(wire), 0U);
  EXPECT_EQ(hashed.assign(test::from_hex("c00c")), 0U);
  EXPECT_EQ(hashed.assign({}), 0U);
}

}  // namespace
}  // namespace dns::name_test
