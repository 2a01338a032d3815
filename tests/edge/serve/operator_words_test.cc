#include "edge/serve/operator_words.h"

#include <gtest/gtest.h>

namespace edge {
namespace {

TEST(OperatorWords, ReadBackAsTheyWereWritten) {
  OperatorWords words;
  words.draining = true;
  words.set({"web", "10.0.0.1:80"}, {.draining = true, .weight = std::nullopt});
  words.set({"web", "a \"quoted\" name:80"}, {.draining = false, .weight = 7});
  const auto again = OperatorWords::parse(words.to_json());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, words);
  EXPECT_EQ(again->weights().size(), 1U);
}

TEST(OperatorWords, ForgetWhatSaysNothing) {
  OperatorWords words;
  words.set({"web", "a:80"}, {.draining = true, .weight = std::nullopt});
  words.set({"web", "a:80"}, {});
  EXPECT_EQ(words, OperatorWords());
}

TEST(OperatorWords, RefuseWhatIsNotTheirs) {
  for (const char* bad :
       {"", "[]", "{}", R"({"servers": 1})", R"({"servers": [1]})", R"({"servers": [{"pool": "x"}]})"}) {
    EXPECT_FALSE(OperatorWords::parse(bad)) << bad;
  }
  const auto odd = OperatorWords::parse(R"({"servers": [{"pool": "web", "server": "a:80", "weight": 999}]})");
  ASSERT_TRUE(odd);
  EXPECT_TRUE(odd->weights().empty()) << "a weight that no option allows";
}

}  // namespace
}  // namespace edge
