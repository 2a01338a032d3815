#include "shared/core/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace shared::hash_test {
namespace {

// What is computed by the compiler goes octet by octet; at run time whole words are read. Shares, rings and answers
// hang on these values: they may never change.
TEST(Hash, IsTheSameAtCompileTimeAndAtRunTime) {
  constexpr std::string_view kText = "www.example.com/checkout";
  static constexpr std::array<std::uint64_t, 5> kExpected{
      shared::hash_text(7, kText.substr(0, 0)), shared::hash_text(7, kText.substr(0, 7)),
      shared::hash_text(7, kText.substr(0, 8)), shared::hash_text(7, kText.substr(0, 9)), shared::hash_text(7, kText)};
  const std::array<std::size_t, 5> lengths{0, 7, 8, 9, kText.size()};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::string copy(kText.substr(0, lengths[i]));
    EXPECT_EQ(shared::hash_text(7, copy), kExpected[i]) << copy;
  }
}

TEST(Hash, LengthAndSeedCount) {
  const std::string zeros(16, '\0');
  EXPECT_NE(shared::hash_text(1, std::string_view(zeros).substr(0, 8)), shared::hash_text(1, zeros));
  EXPECT_NE(shared::hash_text(1, zeros), shared::hash_text(2, zeros));
}

}  // namespace
}  // namespace shared::hash_test
