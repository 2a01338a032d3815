#include "shared/load/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace shared::load::nearest_test {
namespace {

constexpr std::array<std::string_view, 4> kKeys = {"interval", "timeout", "fall", "rise"};

TEST(Nearest, FindsOneTypo) {
  EXPECT_EQ(nearest("intervall", kKeys), "interval");
  EXPECT_EQ(nearest("interal", kKeys), "interval");
  EXPECT_EQ(nearest("timeuot", kKeys), "timeout");  // swapped neighbours
  EXPECT_EQ(nearest("rice", kKeys), "rise");
}

TEST(Nearest, FarWordsHaveNoNeighbour) {
  EXPECT_EQ(nearest("database", kKeys), std::nullopt);
  EXPECT_EQ(nearest("", kKeys), std::nullopt);
  EXPECT_EQ(nearest(std::string(10000, 'a'), kKeys), std::nullopt);
}

TEST(Nearest, SuggestionListsWhatIsKnownWhenNothingIsNear) {
  EXPECT_EQ(suggestion("rize", kKeys), " (did you mean 'rise'?)");
  EXPECT_EQ(suggestion("database", kKeys), " (known: interval, timeout, fall, rise)");
  EXPECT_EQ(suggestion("database", {}), "");
}

}  // namespace
}  // namespace shared::load::nearest_test
