#include "edge/serve/io/buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace edge::buffers_test {
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

TEST(OutBuffer, AQueueThatIsNeverEmptyDoesNotGrowByWhatHasPassed) {
  const std::size_t before = FramePool::of_this_thread().used();
  OutBuffer buffer;
  std::string queued(10'000, 'a');
  buffer.append(queued);
  for (std::size_t i = 0; i < 1'000; ++i) {
    const std::string next(1'000 + i, static_cast<char>('b' + i % 20));
    buffer.append(next);
    buffer.consume(next.size());
    queued = queued.append(next).substr(next.size());
    ASSERT_EQ(buffer.view(), queued);
  }
  EXPECT_LE(FramePool::of_this_thread().used() - before, 64U * 1024);
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

// What HTTP/2 will hold: one connection, a hundred requests of it and as many tries, each with what it has grown to.
TEST(WorkPool, AHundredStreamsOfAConnectionAreNoHundredConnections) {
  FramePool& memory = FramePool::of_this_thread();
  const std::size_t before = memory.used();
  WorkPool<ClientBuffers> connections;
  WorkPool<Work> requests;
  WorkPool<UpstreamWork> tries;
  auto buffers = connections.take();
  buffers->in.grow(ReadBuffer::kSize);
  std::vector<std::unique_ptr<Work>> works;
  std::vector<std::unique_ptr<UpstreamWork>> upstreams;
  for (int i = 0; i < 100; ++i) works.push_back(requests.take());
  const std::size_t waiting = memory.used() - before;
  EXPECT_LT(waiting, 1024U * 1024) << "requests that wait for a server";
  for (int i = 0; i < 100; ++i) {
    upstreams.push_back(tries.take());
    upstreams.back()->in.grow(ReadBuffer::kSize);
    upstreams.back()->out.append(std::string(1000, 'x'));
  }
  EXPECT_LT(memory.used() - before, 5U * 1024 * 1024);
}

}  // namespace
}  // namespace edge::buffers_test
