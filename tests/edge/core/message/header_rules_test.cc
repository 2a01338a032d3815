#include "edge/core/message/header_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace edge::header_rules_test {
namespace {

TEST(HeaderRules, AChildAddsToItsParentAndMayOverruleIt) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::set, "A", "parent"});
  rules.apply({HeaderRule::Op::set, "B", "parent"});
  rules.apply({HeaderRule::Op::set, "b", "child"});
  rules.apply({HeaderRule::Op::add, "C", "child"});
  ASSERT_EQ(rules.appended().size(), 3u);
  EXPECT_EQ(rules.appended()[0].value, "parent");
  EXPECT_EQ(rules.appended()[1].value, "child");
  EXPECT_TRUE(rules.drops({"a", "", http::FieldId::other}));
  EXPECT_FALSE(rules.drops({"C", "", http::FieldId::other}));
  for (const std::string_view name :
       {"Content-Length", "transfer-encoding", "Connection", "Upgrade", "TE", "Trailer", "Expect"}) {
    EXPECT_FALSE(rule_may_touch(name)) << name;
  }
  EXPECT_TRUE(rule_may_touch("Host"));
  EXPECT_TRUE(rule_may_touch("Cache-Control"));
}

TEST(HeaderRules, RemovingTakesWhatWasSetBeforeAndSettingAgainPutsItBack) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::set, "X-Frame-Options", "DENY"});
  rules.apply({HeaderRule::Op::remove, "x-frame-options", ""});
  EXPECT_TRUE(rules.appended().empty());
  EXPECT_TRUE(rules.drops({"X-Frame-Options", "SAMEORIGIN", http::FieldId::other}));
  EXPECT_FALSE(rules.empty()) << "what it drops is a rule, too";
  rules.apply({HeaderRule::Op::set, "X-Frame-Options", "SAMEORIGIN"});
  ASSERT_EQ(rules.appended().size(), 1U);
  EXPECT_EQ(rules.appended()[0].value, "SAMEORIGIN");
  EXPECT_TRUE(HeaderRules().empty());
}

// CGI and its heirs read X_Tier as X-Tier: who may not send the one may not send the other.
TEST(HeaderRules, AnUnderscoreTwinGoesWithItsName) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::remove, "X-Debug", ""});
  EXPECT_TRUE(rules.drops({"x_debug", "1", http::FieldId::other}));
  EXPECT_FALSE(rules.drops({"X-Debugger", "1", http::FieldId::other}));
}

TEST(HeaderRules, KnownFieldsAreFoundByWhatTheyAre) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::add, "Cache-Control", "no-store"});
  rules.apply({HeaderRule::Op::remove, "Server", ""});
  const http::FieldId server = http::field_id("Server");
  ASSERT_NE(server, http::FieldId::other);
  EXPECT_TRUE(rules.drops({"SERVER", "nginx", server}));
  const http::FieldId cache_control = http::field_id("Cache-Control");
  if (cache_control != http::FieldId::other) {
    ASSERT_NE(rules.find_appended(cache_control), nullptr);
    EXPECT_EQ(rules.find_appended(cache_control)->value, "no-store");
  }
  EXPECT_EQ(rules.find_appended(http::FieldId::date), nullptr);
}

}  // namespace
}  // namespace edge::header_rules_test
