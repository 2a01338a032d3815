#include "edge/core/h2/past_streams.h"

#include <gtest/gtest.h>

namespace edge::h2::past_streams_test {
namespace {

using Past = PastStreams::Past;

TEST(PastStreamsTest, NothingIsKnownOfNewOnes) {
  PastStreams streams;
  EXPECT_EQ(streams.past(0), Past::none);
  EXPECT_EQ(streams.past(1), Past::none);
  streams.opened(1);
  EXPECT_EQ(streams.past(1), Past::none);
  EXPECT_EQ(streams.past(3), Past::none);
}

TEST(PastStreamsTest, TheLastThatEndedAreClosed) {
  PastStreams streams;
  for (std::int32_t id = 1; id < 100; id += 2) {
    streams.opened(id);
    streams.ended(id);
    EXPECT_EQ(streams.past(id), Past::closed);
  }
  EXPECT_EQ(streams.past(99 - 2 * 7), Past::closed);
  EXPECT_EQ(streams.past(99 - 2 * 8), Past::none) << "too long ago";
}

// RFC 9113 5.1.1: the first use of a number closes all idle ones below it.
TEST(PastStreamsTest, WhatWasPassedOverIsClosedUnused) {
  PastStreams streams;
  streams.opened(5);
  EXPECT_EQ(streams.past(1), Past::unused);
  EXPECT_EQ(streams.past(3), Past::unused);
  EXPECT_EQ(streams.past(2), Past::none) << "not the client's";
  EXPECT_EQ(streams.past(5), Past::none);
  streams.opened(7);
  EXPECT_EQ(streams.past(7), Past::none);
  EXPECT_EQ(streams.past(3), Past::unused);
}

}  // namespace
}  // namespace edge::h2::past_streams_test
