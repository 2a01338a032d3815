#include "cli/json_text.h"

#include <gtest/gtest.h>

namespace cli {
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

TEST(JsonText, WhatIsNoJsonIsAnError) {
  EXPECT_FALSE(readable("<html>"));
  EXPECT_FALSE(readable("{\"a\": 1} x"));
}

}  // namespace
}  // namespace cli
