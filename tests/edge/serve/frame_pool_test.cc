#include "edge/serve/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace {

TEST(FramePool, FramesInUseAreDistinctAndWhole) {
  edge::FramePool pool;
  std::vector<void*> frames;
  for (std::size_t size = 1; size < 10000; size += 97) {
    frames.push_back(pool.take(size));
    std::memset(frames.back(), 0x5A, size);  // ASan and valgrind see what is too small
  }
  EXPECT_EQ(std::set<void*>(frames.begin(), frames.end()).size(), frames.size());
  std::size_t size = 1;
  for (void* frame : frames) pool.give_back(frame, size), size += 97;
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(FramePool, AFinishedFrameServesTheNextOfItsSize) {
  edge::FramePool pool;
  void* const first = pool.take(3000);
  pool.give_back(first, 3000);
  void* const smaller = pool.take(2000);
  EXPECT_NE(smaller, first);
  void* const again = pool.take(2990);
  EXPECT_EQ(again, first);
  pool.give_back(again, 2990);
  pool.give_back(smaller, 2000);
}
#endif

}  // namespace
