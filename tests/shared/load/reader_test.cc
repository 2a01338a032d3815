#include "shared/load/reader.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/shared/load/helpers.h"

namespace shared::load::reader_test {
namespace {

Node value(std::string_view text) {
  Diagnostics diagnostics;
  auto root = read_yaml_text("key: " + std::string(text) + "\n", "c.yaml", testing::no_environment(), diagnostics);
  EXPECT_TRUE(root) << diagnostics.render();
  return root ? root->children.at(0) : Node{};
}

TEST(Reader, AKindThatIsExpectedIsNamedBesideWhatIsThere) {
  Diagnostics diagnostics;
  EXPECT_TRUE(expect_map(value("{a: 1}"), "a map", diagnostics));
  EXPECT_TRUE(expect_sequence(value("[1]"), "a list", diagnostics));
  EXPECT_TRUE(expect_scalar(value("1"), "a number", diagnostics));
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_FALSE(expect_map(value("[1]"), "a map of servers", diagnostics));
  EXPECT_FALSE(expect_sequence(value("one"), "a list of servers", diagnostics));
  EXPECT_FALSE(expect_scalar(value(""), "a number", diagnostics));
  EXPECT_EQ(diagnostics.render(),
            "c.yaml:1:6: error: key: expected a map of servers, not a list\n"
            "c.yaml:1:6: error: key: expected a list of servers, not 'one'\n"
            "c.yaml:1:1: error: key: expected a number, not nothing\n");
}

TEST(Reader, WordsThatOtherToolsTakeForBooleansAreDoubtedOrRefused) {
  const auto said = [](std::string_view text) {
    Diagnostics diagnostics;
    const bool taken = check_word(value(text), diagnostics);
    return std::string(taken ? "taken" : "refused") + (diagnostics.list().empty() ? "" : ", and said");
  };
  EXPECT_EQ(said("eu"), "taken");
  EXPECT_EQ(said("NO"), "taken, and said") << "Norway";
  EXPECT_EQ(said("\"NO\""), "taken");
  EXPECT_EQ(said("true"), "refused, and said");
  EXPECT_EQ(said("\"true\""), "taken");
  EXPECT_EQ(said("\"a b\""), "refused, and said");
  EXPECT_EQ(said("\"\""), "refused, and said");
}

TEST(Reader, AKeyIsCheckedAsAWordOfItsOwnPlace) {
  Diagnostics diagnostics;
  const auto root = read_yaml_text("? on\n: 1\n", "c.yaml", testing::no_environment(), diagnostics);
  ASSERT_TRUE(root);
  EXPECT_TRUE(check_key_word(root->children.at(0), diagnostics));
  EXPECT_EQ(diagnostics.warnings(), 1U);
  EXPECT_TRUE(diagnostics.render().starts_with("c.yaml:1:3: warning: 'on'")) << diagnostics.render();
}

TEST(Reader, NamesTheNearestOfWhatIsKnown) {
  constexpr std::array<std::string_view, 2> kKnown{"europe", "asia"};
  Diagnostics diagnostics;
  unknown_name({}, "region", "eurpoe", kKnown, diagnostics);
  EXPECT_EQ(diagnostics.render(), "configuration: error: unknown region 'eurpoe' (did you mean 'europe'?)\n");
}

}  // namespace
}  // namespace shared::load::reader_test
