#include "shared/load/node.h"

#include <gtest/gtest.h>

#include <string>

namespace shared::load::node_test {
namespace {

Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

TEST(Node, FindsTheElementOfAMap) {
  Node map;
  map.kind = Node::Kind::map;
  for (const char* key : {"a", "b"}) {
    map.children.push_back(scalar(std::string(key) + key));
    map.children.back().key = key;
  }
  ASSERT_NE(map.find("b"), nullptr);
  EXPECT_EQ(map.find("b")->text, "bb");
  EXPECT_EQ(map.find("bb"), nullptr);
}

TEST(Node, SaysWhatItIsInAMessage) {
  Node node;
  EXPECT_EQ(node.describe(), "nothing");
  node.kind = Node::Kind::sequence;
  EXPECT_EQ(node.describe(), "a list");
  node.kind = Node::Kind::map;
  EXPECT_EQ(node.describe(), "a map");
  EXPECT_EQ(scalar("5x").describe(), "'5x'");
}

// A megabyte of a pasted certificate does not become the message.
TEST(Node, QuotesOnlyTheBeginningOfALongText) {
  EXPECT_EQ(scalar(std::string(80, 'x')).describe(), "'" + std::string(80, 'x') + "'");
  EXPECT_EQ(scalar(std::string(81, 'x')).describe(), "'" + std::string(80, 'x') + "...'");
}

}  // namespace
}  // namespace shared::load::node_test
