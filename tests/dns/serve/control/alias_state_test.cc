#include "dns/serve/control/alias_state.h"

#include <gtest/gtest.h>

namespace dns::alias_state_test {
namespace {

TEST(AliasState, AnswersComeBack) {
  const std::vector<RememberedAlias> aliases = {
      {*Name::from_text("a.example.net"), AddressType::a, {*shared::IpAddress::parse("192.0.2.1")}},
      {*Name::from_text("a.example.net"), AddressType::aaaa, {}},
      {*Name::from_text("b.example.net"), AddressType::aaaa, {*shared::IpAddress::parse("2001:db8::1")}}};
  const auto read = read_aliases(write_aliases(aliases));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].target.to_text(), "a.example.net.");
  EXPECT_EQ((*read)[0].type, AddressType::a);
  EXPECT_EQ((*read)[0].addresses, aliases[0].addresses);
  EXPECT_TRUE((*read)[1].addresses.empty());
  EXPECT_EQ((*read)[2].type, AddressType::aaaa);
  EXPECT_EQ((*read)[2].addresses, aliases[2].addresses);
}

TEST(AliasState, BrokenFilesAreErrors) {
  for (const char* text : {"", "[]", "{", "{}", R"({"aliases": 1})", R"({"aliases": [1]})",
                           R"({"aliases": [{"target": "a..b", "type": "A", "addresses": []}]})",
                           R"({"aliases": [{"target": "a.b", "type": "MX", "addresses": []}]})",
                           R"({"aliases": [{"target": "a.b", "type": "A"}]})",
                           R"({"aliases": [{"target": "a.b", "type": "A", "addresses": ["2001:db8::1"]}]})",
                           R"({"aliases": [{"target": "a.b", "type": "A", "addresses": [4]}]})"}) {
    EXPECT_FALSE(read_aliases(text)) << text;
  }
}

}  // namespace
}  // namespace dns::alias_state_test
