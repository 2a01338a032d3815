#include "edge/core/h2/send_order.h"

#include <array>

#include <gtest/gtest.h>

namespace edge::h2::send_order_test {
namespace {

struct Served : Stream {
  explicit Served(std::int32_t id) : Stream(id) {}
};

// Urgencies are seen by SessionTest.UrgentStreamsGoFirst.
TEST(SendOrder, IsThatInWhichTheyCame) {
  std::array<Served, 3> streams{Served(1), Served(3), Served(5)};
  SendOrder order;
  EXPECT_EQ(order.first(), nullptr);
  for (Served& stream : streams) order.push(stream);
  order.push(streams[0]);
  EXPECT_EQ(order.first(), &streams[0]);
  order.sent(streams[0]);
  EXPECT_EQ(order.first(), &streams[0]) << "it is not incremental";
  order.remove(streams[1]);
  order.remove(streams[1]);
  order.remove(streams[0]);
  EXPECT_EQ(order.first(), &streams[2]);
  order.push(streams[1]);
  order.remove(streams[2]);
  EXPECT_EQ(order.first(), &streams[1]);
  order.remove(streams[1]);
  EXPECT_EQ(order.first(), nullptr);
}

}  // namespace
}  // namespace edge::h2::send_order_test
