// What connections to servers take of the library.
#include "edge/serve/io/h2_library.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "edge/serve/io/frame_pool.h"

namespace edge::test::h2_library_test {
namespace {

TEST(H2Library, ItsMemoryIsCountedByThePool) {
  const nghttp2_mem memory = h2_memory();
  const std::size_t before = FramePool::of_this_thread().used();
  void* piece = memory.malloc(1000, nullptr);
  ASSERT_NE(piece, nullptr);
  EXPECT_GE(FramePool::of_this_thread().used(), before + 1000);
  std::memset(piece, 7, 1000);
  piece = memory.realloc(piece, 5000, nullptr);
  ASSERT_NE(piece, nullptr);
  EXPECT_EQ(static_cast<char*>(piece)[999], 7);
  EXPECT_EQ(memory.realloc(piece, 10, nullptr), piece) << "what fits stays";
  memory.free(piece, nullptr);
  memory.free(nullptr, nullptr);
  EXPECT_EQ(FramePool::of_this_thread().used(), before);
}

TEST(H2Library, ZeroedPiecesAreThatAndNeverOverflow) {
  const nghttp2_mem memory = h2_memory();
  auto* const piece = static_cast<char*>(memory.calloc(10, 10, nullptr));
  ASSERT_NE(piece, nullptr);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(piece[i], 0);
  memory.free(piece, nullptr);
  EXPECT_EQ(memory.calloc(std::numeric_limits<std::size_t>::max() / 2, 3, nullptr), nullptr);
  EXPECT_EQ(memory.malloc(std::numeric_limits<std::size_t>::max(), nullptr), nullptr);
}

TEST(H2Library, AHeadHasRoomForAsManyFieldsAsItMay) {
  H2Fields fields;
  for (std::size_t i = 0; i < H2Fields::kMost + 5; ++i) fields.push("name", "value");
  EXPECT_EQ(fields.count, H2Fields::kMost);
  EXPECT_EQ(fields.all[0].namelen, 4U);
  EXPECT_EQ(fields.all[0].valuelen, 5U);
}

}  // namespace
}  // namespace edge::test::h2_library_test
