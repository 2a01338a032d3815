#include "shared/load/parsed_texts.h"

#include <gtest/gtest.h>

#include <memory>

#include "shared/load/yaml.h"
#include "tests/shared/load/helpers.h"

namespace shared::load::parsed_texts_test {
namespace {

TEST(ParsedTexts, ATreeIsForOneMoreUseOfTheSameText) {
  ParsedTexts texts;
  Node root;
  root.text = "tree";
  texts.add("c.yaml", "a: 1\n", {root, 2});
  EXPECT_FALSE(texts.take("d.yaml", "a: 1\n")) << "its positions name another file";
  EXPECT_FALSE(texts.take("c.yaml", "a: 2\n")) << "the file has changed since";
  const auto taken = texts.take("c.yaml", "a: 1\n");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->root.text, "tree");
  EXPECT_EQ(taken->nodes, 2U);
  EXPECT_FALSE(texts.take("c.yaml", "a: 1\n"));
}

class ReadTwice : public ::testing::Test {
 protected:
  ReadTwice() : settings_(testing::no_environment()) { settings_.parsed = std::make_shared<ParsedTexts>(); }

  std::string read(const std::string& text) {
    Diagnostics diagnostics;
    const auto root = read_yaml_text(text, "c.yaml", settings_, diagnostics);
    if (!root) return diagnostics.render();
    const Node* const value = root->find("a");
    return diagnostics.render() + (value == nullptr ? "nothing" : value->text + " at " + value->at.to_string());
  }

  YamlSettings settings_;
};

TEST_F(ReadTwice, TheSameTextIsTheSameTree) {
  EXPECT_EQ(read("a: 1\n"), "1 at c.yaml:1:4");
  EXPECT_EQ(read("a: 1\n"), "1 at c.yaml:1:4");
  EXPECT_EQ(read("\na: 2\n"), "2 at c.yaml:2:4") << "another text is read as it is";
}

// The first reader may have kept silent: the second says it.
TEST_F(ReadTwice, WhatIsWrongIsSaidAgain) {
  const std::string wrong = read("a: 1\na: 2\n");
  EXPECT_NE(wrong.find("stands here twice"), std::string::npos) << wrong;
  EXPECT_EQ(read("a: 1\na: 2\n"), wrong);
}

TEST_F(ReadTwice, TheBoundOnValuesHoldsForATreeToo) {
  EXPECT_EQ(read("a: 1\n"), "1 at c.yaml:1:4");
  settings_.max_nodes = 2;
  EXPECT_NE(read("a: 1\n").find("more than 2 values"), std::string::npos);
}

}  // namespace
}  // namespace shared::load::parsed_texts_test
