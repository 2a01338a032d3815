#include "edge/serve/account/span_lane.h"

#include <string>

#include <gtest/gtest.h>

namespace edge::span_lane_test {
namespace {

SpanFrame frame(std::string_view name) {
  return {.trace = "4bf92f3577b34da6a3ce929d0e0e4736", .span = "00f067aa0ba902b7", .name = name};
}

TEST(SpanLane, SpansComeOutOneByOne) {
  SpanLane lane;
  for (const std::string_view name : {"one", "two"}) {
    SpanWriter span = lane.begin(frame(name));
    span.text("k", "v");
    lane.end();
  }
  std::string batch;
  lane.drain(batch);
  std::string_view rest = batch;
  for (const std::string_view name : {"one", "two"}) {
    const auto size = next_batched(rest);
    ASSERT_TRUE(size);
    EXPECT_NE(rest.substr(0, *size).find(name), std::string_view::npos);
    rest.remove_prefix(*size);
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(lane.dropped(), 0U);
}

TEST(SpanLane, WhatFindsNoRoomIsCounted) {
  SpanLane lane;
  const std::string name(1000, 'n');
  for (int i = 0; i < 1200; ++i) {
    static_cast<void>(lane.begin(frame(name)));
    lane.end();
  }
  EXPECT_GT(lane.dropped(), 150U);
  std::string batch;
  lane.drain(batch);
  EXPECT_LE(batch.size(), SpanLane::kSize);
  const std::uint64_t before = lane.dropped();
  static_cast<void>(lane.begin(frame(name)));
  lane.end();
  EXPECT_EQ(lane.dropped(), before) << "there is room again";
}

}  // namespace
}  // namespace edge::span_lane_test
