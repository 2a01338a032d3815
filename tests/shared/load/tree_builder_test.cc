#include "shared/load/tree_builder.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace shared::load::tree_builder_test {
namespace {

struct Tree {
  std::optional<Node> root;
  std::string problems;
  std::size_t left = 0;
};

Tree built(std::string_view text, std::size_t budget = 100) {
  YamlSettings settings;
  settings.max_nodes = budget;
  NodeBudget bound{budget};
  Diagnostics diagnostics;
  Tree tree;
  tree.root = build_tree(text, std::make_shared<const std::string>("c.yaml"), settings, bound, diagnostics);
  tree.problems = diagnostics.render();
  tree.left = bound.left;
  return tree;
}

TEST(TreeBuilder, KeepsTextKindsPlacesAndQuotes) {
  const Tree tree = built("a: 007\nb: ['x', y]\n\"c\": |\n  block\nd:\n");
  ASSERT_TRUE(tree.root) << tree.problems;
  EXPECT_EQ(tree.root->find("a")->text, "007") << "nothing becomes a number behind anybody's back";
  EXPECT_FALSE(tree.root->find("a")->quoted);
  const Node& list = *tree.root->find("b");
  ASSERT_TRUE(list.is_sequence());
  EXPECT_TRUE(list.children.at(0).quoted);
  EXPECT_FALSE(list.children.at(1).quoted);
  EXPECT_EQ(list.children.at(1).at.to_string(), "c.yaml:2:10");
  EXPECT_TRUE(tree.root->find("c")->key_quoted);
  EXPECT_EQ(tree.root->find("c")->text, "block\n");
  EXPECT_TRUE(tree.root->find("d")->is_null());
  EXPECT_EQ(tree.root->find("d")->at.to_string(), "c.yaml:5:1") << "of nothing, the place of its key";
}

TEST(TreeBuilder, AnEmptyTextIsAnEmptyMap) {
  for (const char* text : {"", "\n\n", "# a comment\n"}) {
    const Tree tree = built(text);
    ASSERT_TRUE(tree.root);
    EXPECT_TRUE(tree.root->is_map());
    EXPECT_EQ(tree.root->at.to_string(), "c.yaml:1:1");
  }
}

TEST(TreeBuilder, EveryKeyOfALargeMapIsFoundAgain) {
  constexpr int kKeys = 1000;
  std::string text;
  for (int i = 0; i < kKeys; ++i) text += "key-" + std::to_string(i) + ": x\n";
  ASSERT_TRUE(built(text, 10 * kKeys).root);
  for (int i = 0; i < kKeys; i += 7) {
    const std::string key = "key-" + std::to_string(i);
    EXPECT_EQ(built(text + key + ": y\n", 10 * kKeys).problems,
              "c.yaml:1001:1: error: the key '" + key +
                  "' stands here twice; the first is at c.yaml:" + std::to_string(i + 1) + ":1\n");
  }
}

TEST(TreeBuilder, AliasesAreCopiesAndCountAsSuch) {
  const Tree once = built("a: &x [1, 2, 3]\n");
  const Tree twice = built("a: &x [1, 2, 3]\nb: *x\n");
  ASSERT_TRUE(twice.root) << twice.problems;
  EXPECT_EQ(twice.root->find("b")->children.size(), 3U);
  // The key, and the list with its three.
  EXPECT_EQ(once.left - twice.left, 5U);
  EXPECT_EQ(built("a: &x [1, 2, 3]\nb: *x\n", 100 - twice.left).problems, "");
  EXPECT_NE(built("a: &x [1, 2, 3]\nb: *x\n", 100 - twice.left - 1).problems, "");
}

TEST(TreeBuilder, AnAliasIntoItselfIsAnError) {
  const Tree tree = built("a: &x [*x]\n");
  EXPECT_FALSE(tree.root);
  EXPECT_NE(tree.problems.find("an alias to something that is not complete yet"), std::string::npos) << tree.problems;
}

TEST(TreeBuilder, OneFileHasOneDocument) {
  EXPECT_NE(built("a: 1\n---\nb: 2\n").problems.find("a second document starts here"), std::string::npos);
}

TEST(TreeBuilder, TagsAndKeysThatAreNoTextAreRefused) {
  EXPECT_NE(built("a: !!int 5\n").problems.find("is not supported; leave it out"), std::string::npos);
  EXPECT_NE(built("? [a, b]\n: 1\n").problems.find("a key must be text, not a list"), std::string::npos);
}

TEST(TreeBuilder, SixtyFourLevelsAreTheEnd) {
  const auto nested = [](unsigned levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_EQ(built("a: " + nested(63) + "\n", 1000).problems, "");
  EXPECT_NE(built("a: " + nested(64) + "\n", 1000).problems.find("nested deeper than 64 levels"), std::string::npos);
}

TEST(TreeBuilder, ASyntaxErrorHasItsPlace) {
  const Tree tree = built("a: 1\nb: [\n");
  EXPECT_FALSE(tree.root);
  EXPECT_TRUE(tree.problems.starts_with("c.yaml:")) << tree.problems;
  EXPECT_NE(tree.problems.find("YAML: "), std::string::npos) << tree.problems;
}

}  // namespace
}  // namespace shared::load::tree_builder_test
