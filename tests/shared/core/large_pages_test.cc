#include "shared/core/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace shared::large_pages_test {
namespace {

TEST(LargePages, AVectorGrowsFromTheHeapIntoThemAndBack) {
  LargePageVector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < (3 << 20); ++i) numbers.push_back(i);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % kLargePage, 0U);
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0}),
            std::uint64_t{numbers.size()} * (numbers.size() - 1) / 2);
  LargePageVector<std::uint32_t> moved = std::move(numbers);
  moved.resize(10);
  moved.shrink_to_fit();
  EXPECT_EQ(moved, (LargePageVector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace shared::large_pages_test
