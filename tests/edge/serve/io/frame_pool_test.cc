#include "edge/serve/io/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace edge::frame_pool_test {
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

TEST(FramePool, APeakLeavesNothingBehind) {
  edge::FramePool pool;
  for (const std::size_t size : {64, 900, 4096, 9000, 32768, 65536}) {
    std::vector<void*> pieces;
    for (int i = 0; i < 500; ++i) {
      pieces.push_back(pool.take(size));
      std::memset(pieces.back(), 0x5A, size);
    }
    EXPECT_EQ(pool.used(), 500 * size);
    EXPECT_GE(pool.mapped(), pool.used());
    // In another order than they were taken.
    for (std::size_t i = 0; i < pieces.size(); ++i) pool.give_back(pieces[(i * 7) % pieces.size()], size);
    EXPECT_EQ(pool.used(), 0U);
    pool.sweep();
    pool.sweep();
    EXPECT_EQ(pool.mapped(), 0U) << size;
  }
}

TEST(FramePool, ASlabThatServesIsKept) {
  edge::FramePool pool;
  void* const kept = pool.take(100);
  std::memset(kept, 1, 100);
  pool.sweep();
  pool.sweep();
  EXPECT_EQ(pool.mapped(), edge::FramePool::kSlab);
  EXPECT_EQ(static_cast<char*>(kept)[99], 1);
  pool.give_back(kept, 100);
}

TEST(FramePool, WhatOutlivesItsThreadCanBeGivenBack) {
  std::vector<void*> pieces;
  std::thread([&] {
    for (int i = 0; i < 300; ++i) pieces.push_back(edge::FramePool::of_this_thread().take(4000));
  }).join();
  for (void* piece : pieces) {
    std::memset(piece, 0x5A, 4000);
    edge::FramePool::of_this_thread().give_back(piece, 4000);
  }
  edge::FramePool::of_this_thread().sweep();
}
#endif

}  // namespace
}  // namespace edge::frame_pool_test
