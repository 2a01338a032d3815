#include "edge/core/h2/open_streams.h"

#include <cstddef>
#include <deque>

#include <gtest/gtest.h>

#include "edge/core/h2/stream.h"

namespace edge::h2::open_streams_test {
namespace {

struct Served : Stream {
  explicit Served(std::int32_t id) : Stream(id) {}
};

TEST(OpenStreams, AreFoundByTheirNumbers) {
  OpenStreams streams(*std::pmr::new_delete_resource());
  std::deque<Served> served;
  EXPECT_TRUE(streams.empty());
  EXPECT_EQ(streams.find(0), nullptr) << "a place without a stream is none";
  for (std::int32_t id = 1; id < 40; id += 2) streams.add(id, served.emplace_back(id));
  for (Served& stream : served) EXPECT_EQ(streams.find(stream.id()), &stream);
  EXPECT_EQ(streams.find(2), nullptr);
  streams.remove(2);
  streams.remove(1);
  streams.remove(39);
  EXPECT_EQ(streams.find(1), nullptr);
  EXPECT_EQ(streams.find(39), nullptr);
  EXPECT_EQ(streams.find(37), &served[18]);
  EXPECT_EQ(streams.end() - streams.begin(), 18);
}

TEST(OpenStreams, TakeNoMemoryForOneNorForNone) {
  OpenStreams streams(*std::pmr::null_memory_resource());
  Served first(1);
  Served second(3);
  streams.add(1, first);
  streams.remove(1);
  streams.add(3, second);
  EXPECT_EQ(streams.find(3), &second);
  EXPECT_EQ(streams.memory(), 0U);
}

TEST(OpenStreams, KeepNoLongListThatIsEmpty) {
  OpenStreams streams(*std::pmr::new_delete_resource());
  Served stream(1);
  for (std::int32_t id = 1; id < 20; id += 2) streams.add(id, stream);
  EXPECT_GE(streams.memory(), 10 * sizeof(OpenStreams::Slot));
  for (std::int32_t id = 1; id < 20; id += 2) streams.remove(id);
  EXPECT_TRUE(streams.empty());
  EXPECT_EQ(streams.memory(), 0U);
}

}  // namespace
}  // namespace edge::h2::open_streams_test
