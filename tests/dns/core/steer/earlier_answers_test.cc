#include "dns/core/steer/earlier_answers.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace dns::earlier_answers_test {
namespace {

GivenAnswer given(std::string name, const char* block = "192.0.2.0/24", bool by_subnet = true) {
  return {std::move(name), *shared::Prefix::parse(block), by_subnet, 1};
}

std::string names_of(const std::vector<GivenAnswer>& answers) {
  std::string names;
  for (const GivenAnswer& answer : answers) names += answer.name;
  return names;
}

TEST(EarlierAnswers, TheOldestGoFirst) {
  EarlierAnswers earlier(3);
  earlier.keep({given("a"), given("b")});
  EXPECT_EQ(names_of(earlier.fill_up({}, 9)), "ab");
  earlier.keep({given("c")});
  EXPECT_EQ(names_of(earlier.fill_up({}, 9)), "abc") << "as many as may be kept";
  earlier.keep({given("d"), given("e")});
  EXPECT_EQ(names_of(earlier.fill_up({}, 9)), "cde");
}

TEST(EarlierAnswers, MakeUpForWhatThePresentOnesLack) {
  EarlierAnswers earlier(9);
  earlier.keep({given("a"), given("b"), given("c")});
  EXPECT_EQ(names_of(earlier.fill_up({given("x")}, 3)), "xbc") << "the latest of them";
  EXPECT_EQ(names_of(earlier.fill_up({given("x"), given("y")}, 2)), "xy");
  EXPECT_EQ(names_of(earlier.fill_up({given("x"), given("y"), given("z")}, 2)), "xyz") << "none is taken away";
  EXPECT_EQ(names_of(earlier.fill_up({given("x")}, 4)), "xabc");
}

TEST(EarlierAnswers, AreCountedByNameBlockAndKind) {
  const auto sums = counted({given("b"), given("a", "192.0.3.0/24"), given("a"), given("a", "192.0.2.0/24", false),
                             given("a"), given("a", "192.0.3.0/24"), given("a")});
  std::vector<std::string> told;
  for (const GivenAnswer& sum : sums) {
    told.push_back(sum.name + " " + sum.client.to_string() + (sum.by_subnet ? " subnet " : " resolver ") +
                   std::to_string(sum.count));
  }
  EXPECT_EQ(told, (std::vector<std::string>{"a 192.0.2.0/24 resolver 1", "a 192.0.2.0/24 subnet 3",
                                            "a 192.0.3.0/24 subnet 2", "b 192.0.2.0/24 subnet 1"}));
  EXPECT_TRUE(counted({}).empty());
}

}  // namespace
}  // namespace dns::earlier_answers_test
