#include "edge/serve/io/buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace edge {
namespace {

void receive(ReadBuffer& buffer, std::string_view octets) {
  const auto space = buffer.space();
  ASSERT_GE(space.size(), octets.size());
  std::ranges::copy(octets, space.begin());
  buffer.commit(octets.size());
}

void fill(ReadBuffer& buffer, char with) { receive(buffer, std::string(buffer.space().size(), with)); }

TEST(ReadBuffer, BeginsSmallAndGrowsWhenItIsFilled) {
  ReadBuffer buffer;
  EXPECT_EQ(buffer.capacity(), ReadBuffer::kFirst);
  receive(buffer, "abc");
  EXPECT_EQ(buffer.space().size(), ReadBuffer::kFirst - 3);
  fill(buffer, 'd');
  EXPECT_GT(buffer.space().size(), ReadBuffer::kFirst);
  EXPECT_EQ(buffer.view().substr(0, 4), "abcd");
  EXPECT_EQ(buffer.view().size(), ReadBuffer::kFirst);
}

TEST(ReadBuffer, WhatIsPinnedStaysWhereItIsWhileTheRestGrows) {
  ReadBuffer buffer;
  receive(buffer, "head");
  const std::string_view head = buffer.view();
  buffer.pin(4);
  fill(buffer, 'x');
  fill(buffer, 'y');
  EXPECT_GE(buffer.capacity(), ReadBuffer::kSize);
  EXPECT_EQ(head, "head");
  EXPECT_EQ(buffer.view().front(), 'x');
  buffer.consume(buffer.view().size() - 1);
  EXPECT_EQ(buffer.view(), "y");
  buffer.unpin();
  EXPECT_EQ(buffer.view(), "y");
}

TEST(ReadBuffer, BehindAHeadThatFillsItThereIsRoom) {
  ReadBuffer buffer;
  fill(buffer, 'h');
  const std::size_t size = buffer.view().size();
  const std::string_view head = buffer.view();
  buffer.pin(size);
  EXPECT_GE(buffer.space().size(), ReadBuffer::kFirst);
  receive(buffer, "body");
  EXPECT_EQ(buffer.view(), "body");
  EXPECT_EQ(head, std::string(size, 'h'));
}

TEST(ReadBuffer, ParkedAndBack) {
  ReadBuffer buffer;
  receive(buffer, "GET / HT");
  const Octets parked = buffer.park();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(parked.size(), 8U);
  ReadBuffer other;
  other.unpark(parked);
  receive(other, "TP/1.1");
  EXPECT_EQ(other.view(), "GET / HTTP/1.1");
}

TEST(OutBuffer, HasACeiling) {
  OutBuffer buffer;
  buffer.append(std::string(OutBuffer::kCeiling, 'a'));
  EXPECT_FALSE(buffer.over_ceiling());
  buffer.append("b");
  EXPECT_TRUE(buffer.over_ceiling());
  buffer.consume(1);
  EXPECT_FALSE(buffer.over_ceiling());
}

TEST(WorkPool, WhatIsNotNeededGoes) {
  WorkPool<UpstreamWork> pool;
  auto first = pool.take();
  auto second = pool.take();
  UpstreamWork* const kept = second.get();
  pool.give_back(std::move(first));
  pool.give_back(std::move(second));
  EXPECT_EQ(pool.take().get(), kept);
  for (int i = 0; i < 4; ++i) pool.sweep();
  EXPECT_EQ(pool.take()->in.capacity(), ReadBuffer::kFirst);
}

}  // namespace
}  // namespace edge
