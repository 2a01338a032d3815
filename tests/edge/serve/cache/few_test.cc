#include "edge/serve/cache/few.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace edge::few_test {
namespace {

using Numbers = Few<std::shared_ptr<int>>;

std::vector<int> values(const Numbers& few) {
  std::vector<int> found;
  for (const auto& one : few) found.push_back(*one);
  return found;
}

Numbers made_of(std::initializer_list<int> numbers) {
  Numbers few;
  for (const int number : numbers) few.push_back(std::make_shared<int>(number));
  return few;
}

TEST(Few, HoldsNoneOneAndMoreInTheirOrder) {
  EXPECT_TRUE(Numbers{}.empty());
  EXPECT_EQ(values(made_of({})), std::vector<int>{});
  EXPECT_EQ(values(made_of({7})), std::vector<int>{7});
  EXPECT_EQ(values(made_of({7, 8, 9})), (std::vector<int>{7, 8, 9}));
  const Numbers three = made_of({1, 2, 3});
  EXPECT_EQ(three.size(), 3U);
  EXPECT_EQ(**three.rbegin(), 3);
  EXPECT_EQ(std::distance(three.rbegin(), three.rend()), 3);
}

TEST(Few, AsksAboutEachOnceAndKeepsTheRest) {
  for (const std::vector<int>& kept : {std::vector<int>{}, {2}, {1, 3}, {1, 2, 3}}) {
    Numbers few = made_of({1, 2, 3});
    std::vector<int> asked;
    few.erase_if([&](const auto& one) {
      asked.push_back(*one);
      return std::ranges::find(kept, *one) == kept.end();
    });
    EXPECT_EQ(asked, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(values(few), kept);
    EXPECT_EQ(few.size(), kept.size());
    few.push_back(std::make_shared<int>(4));
    EXPECT_EQ(*few.end()[-1], 4);
  }
}

TEST(Few, LetsGoOfTheOnlyOne) {
  const auto one = std::make_shared<int>(1);
  Numbers few;
  few.push_back(one);
  few.erase_if([](const auto&) { return false; });
  EXPECT_EQ(one.use_count(), 2);
  few.erase_if([](const auto&) { return true; });
  EXPECT_EQ(one.use_count(), 1);
  EXPECT_TRUE(few.empty());
}

}  // namespace
}  // namespace edge::few_test
