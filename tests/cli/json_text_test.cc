#include "cli/json_text.h"

#include <gtest/gtest.h>

namespace cli::json_text_test {
namespace {

TEST(JsonText, KeysTablesAndLists) {
  const auto text = readable(R"({"service": "shop", "generation": 3, "ok": true, "none": null,
    "regions": [{"name": "eu", "state": "up", "edges": ["192.0.2.1", "192.0.2.2"]},
                {"name": "us-east", "state": "drained"}],
    "deep": [{"a": {"b": 1}}], "empty": [], "nested": {"x": 1.5}})");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "service     shop\n"
            "generation  3\n"
            "ok          true\n"
            "none        -\n"
            "regions\n"
            "  name     state    edges\n"
            "  eu       up       192.0.2.1, 192.0.2.2\n"
            "  us-east  drained  -\n"
            "deep\n"
            "  a\n"
            "    b  1\n"
            "\n"
            "empty       -\n"
            "nested\n"
            "  x  1.5\n");
}

TEST(JsonText, ARecordIsACellOfItsRowAndColumnsThatSayNothingAreLeftOut) {
  const auto text = readable(R"({"edges": [
    {"address": "192.0.2.1", "state": "down", "draining": false, "failures": 0,
     "last_fall": {"reason": "connection refused", "at": "14:00"}},
    {"address": "192.0.2.2", "state": "up", "draining": false, "failures": 3}]})");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "edges\n"
            "  address    state  failures  last_fall\n"
            "  192.0.2.1  down   0         connection refused, 14:00\n"
            "  192.0.2.2  up     3         -\n");
}

TEST(JsonText, WhatIsNoJsonIsAnError) {
  EXPECT_FALSE(readable("<html>"));
  EXPECT_FALSE(readable("{\"a\": 1} x"));
}

}  // namespace
}  // namespace cli::json_text_test
