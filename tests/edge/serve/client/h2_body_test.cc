#include "edge/serve/client/h2_body.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace edge {
namespace {

constexpr std::string_view kHead("\0\0\0\0\0\0\0\0\1", 9);

TEST(H2BodyTest, AFramesHeadStandsBeforeItsOctets) {
  H2Body body;
  body.append("hello");
  EXPECT_EQ(body.size(), 5U);
  EXPECT_EQ(body.next(3), 3U);
  EXPECT_EQ(body.next(100), 5U);
  const H2Body::Frame frame = body.take(kHead, 5);
  EXPECT_TRUE(frame.head.empty());
  EXPECT_EQ(frame.octets, std::string(kHead) + "hello");
  EXPECT_TRUE(body.empty());
  EXPECT_EQ(body.next(100), 0U);
}

TEST(H2BodyTest, WholeFramesAreOnePieceOfMemory) {
  H2Body body;
  body.append(std::string(3 * H2Body::kFrame, 'x'));
  const char* end = nullptr;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(body.next(1 << 20), H2Body::kFrame);
    const H2Body::Frame frame = body.take(kHead, H2Body::kFrame);
    EXPECT_TRUE(frame.head.empty());
    EXPECT_TRUE(end == nullptr || frame.octets.data() == end);
    end = frame.octets.data() + frame.octets.size();
  }
  EXPECT_TRUE(body.empty());
}

// A window that is smaller than a frame.
TEST(H2BodyTest, TheRestOfAFrameHasItsHeadBesideIt) {
  H2Body body;
  body.append("abcdef");
  EXPECT_TRUE(body.take(kHead, 2).head.empty());
  const H2Body::Frame rest = body.take(kHead, body.next(100));
  EXPECT_EQ(rest.head, kHead);
  EXPECT_EQ(rest.octets, "cdef");
}

TEST(H2BodyTest, WhatWasTakenStaysUntilMoreComes) {
  H2Body body;
  body.append("abc");
  const std::string_view taken = body.take(kHead, 3).octets;
  EXPECT_EQ(taken.substr(H2Body::kHead), "abc");
  body.append("xyz");
  EXPECT_EQ(body.take(kHead, 3).octets.substr(H2Body::kHead), "xyz");
}

TEST(H2BodyTest, WhateverIsTakenInWhateverPiecesIsWhatWasPut) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    H2Body body;
    std::string put;
    std::string got;
    for (int step = 0; step < 40; ++step) {
      const std::string more(random() % 30'000, static_cast<char>('a' + random() % 26));
      body.append(more);
      put += more;
      const std::size_t takes = random() % 6;
      for (std::size_t i = 0; i < takes && !body.empty(); ++i) {
        const std::size_t n = body.next(1 + random() % 20'000);
        ASSERT_GT(n, 0U);
        const H2Body::Frame frame = body.take(kHead, n);
        const std::string_view octets = frame.head.empty() ? frame.octets.substr(H2Body::kHead) : frame.octets;
        EXPECT_TRUE(!frame.head.empty() || frame.octets.starts_with(kHead));
        EXPECT_EQ(octets.size(), n);
        got += octets;
      }
      ASSERT_EQ(got.size() + body.size(), put.size());
    }
    while (!body.empty()) {
      const std::size_t n = body.next(1 << 20);
      const H2Body::Frame frame = body.take(kHead, n);
      got += frame.head.empty() ? frame.octets.substr(H2Body::kHead) : frame.octets;
    }
    ASSERT_EQ(got, put);
  }
}

}  // namespace
}  // namespace edge
