#include "shared/http/fields.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace http::fields_test {
namespace {

TEST(FieldId, EveryKnownNameIsFoundInAnyCase) {
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    const auto id = static_cast<FieldId>(i);
    std::string name(canonical_name(id));
    EXPECT_EQ(field_id(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(field_id(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_EQ(field_id(name), id) << name;
    EXPECT_EQ(field_id(name + "x"), FieldId::other);
    EXPECT_EQ(field_id("x" + name), FieldId::other);
  }
  EXPECT_EQ(field_id(""), FieldId::other);
  EXPECT_EQ(field_id("Accept"), FieldId::other);
}

TEST(FieldId, OneOtherOctetIsAnotherName) {
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    const std::string_view known = canonical_name(static_cast<FieldId>(i));
    for (std::size_t at = 0; at < known.size(); ++at) {
      std::string name(known);
      name[at] = '!';
      EXPECT_EQ(field_id(name), FieldId::other) << name;
    }
  }
}

// RFC 9110 section 5.6.2.
TEST(Token, IsMadeOfItsCharactersAlone) {
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const char* wrong : {"", "a b", "a:b", "a/b", "a,b", "a;b", "\"a\"", "a\x7f", "a\x80", "(a)", "{a}", "a\t"}) {
    EXPECT_FALSE(is_token(wrong)) << wrong;
  }
}

// Each pair of octets, in words of eight and where the last two of them overlap.
TEST(FieldList, NamesAreEqualInAnyCaseAndNothingElseIs) {
  const auto twin = [](char c) { return c == '_' ? '-' : shared::lower(c); };
  for (const std::size_t at : {0, 7, 9, 12}) {
    for (int one = 0; one < 256; ++one) {
      std::string name = "X-Meridian-xy";
      name[at] = static_cast<char>(one);
      FieldList fields;
      ASSERT_TRUE(fields.push({.name = name, .value = "v"}));
      for (int other = 0; other < 256; ++other) {
        std::string asked = "x-mERIDIAN-XY";
        asked[at] = static_cast<char>(other);
        const auto a = static_cast<char>(one);
        const auto b = static_cast<char>(other);
        ASSERT_EQ(fields.find(asked) != nullptr, shared::lower(a) == shared::lower(b))
            << at << " " << one << " " << other;
        ASSERT_EQ(equals_as_twin(name, asked), twin(a) == twin(b)) << at << " " << one << " " << other;
      }
    }
  }
}

TEST(FieldList, HoldsWhatMayBeReceivedAndWhatIsAdded) {
  EXPECT_EQ(FieldList::kCapacity, 116U);
  FieldList fields;
  for (std::size_t i = 0; i < FieldList::kCapacity; ++i) {
    ASSERT_TRUE(fields.push({.name = "X-Field", .value = "v"}));
  }
  EXPECT_FALSE(fields.push({.name = "X-More", .value = "v"}));
  EXPECT_EQ(fields.find("X-More"), nullptr);
}

TEST(FieldId, UnderscoreTwins) {
  EXPECT_EQ(underscore_twin("Content_Length"), FieldId::content_length);
  EXPECT_EQ(underscore_twin("x_forwarded-FOR"), FieldId::x_forwarded_for);
  EXPECT_EQ(underscore_twin("Content-Length"), FieldId::other);
  EXPECT_EQ(underscore_twin("my_field"), FieldId::other);
}

TEST(ConnectionOptions, ReadsListsOverSeveralFields) {
  const std::string text =
      "GET / HTTP/1.1\r\nConnection: Keep-Alive, X-One\r\nConnection: , x-two ,CLOSE\r\nUpgrade: a\r\n\r\n";
  const ConnectionOptions options = connection_options(http::testing::request(text).fields);
  EXPECT_TRUE(options.close);
  EXPECT_TRUE(options.keep_alive);
  EXPECT_FALSE(options.upgrade);
  EXPECT_FALSE(options.malformed);
  EXPECT_TRUE(options.names("X-TWO"));
  EXPECT_FALSE(options.names("close"));
}

TEST(ConnectionOptions, MalformedOrEndlessIsSaid) {
  const std::string bad = "GET / HTTP/1.1\r\nConnection: a b\r\n\r\n";
  EXPECT_TRUE(connection_options(http::testing::request(bad).fields).malformed);
  std::string many = "GET / HTTP/1.1\r\nConnection: a";
  for (int i = 0; i < 20; ++i) many += ", a" + std::to_string(i);
  many += "\r\n\r\n";
  EXPECT_TRUE(connection_options(http::testing::request(many).fields).malformed);
}

TEST(HopByHop, AndProtectedAreApart) {
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    const auto id = static_cast<FieldId>(i);
    EXPECT_FALSE(is_hop_by_hop(id) && is_protected(id)) << canonical_name(id);
  }
  EXPECT_TRUE(is_hop_by_hop(FieldId::te));
  EXPECT_TRUE(is_hop_by_hop(FieldId::proxy));
  EXPECT_TRUE(is_protected(FieldId::authorization));
  EXPECT_FALSE(is_hop_by_hop(FieldId::other));
}

}  // namespace
}  // namespace http::fields_test
