#include "edge/serve/io/pool_memory.h"

#include <vector>

#include <gtest/gtest.h>

namespace edge::pool_memory_test {
namespace {

TEST(PoolMemory, IsThePoolOfItsThread) {
  const std::size_t before = FramePool::of_this_thread().used();
  {
    std::pmr::vector<int> some(100, &PoolMemory::get());
    EXPECT_GE(FramePool::of_this_thread().used(), before + 400);
  }
  EXPECT_EQ(FramePool::of_this_thread().used(), before);
}

}  // namespace
}  // namespace edge::pool_memory_test
