#include "edge/serve/client/h2_body.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <span>
#include <string>

#include <gtest/gtest.h>

namespace edge::h2_body_test {
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

std::string received(H2Body& body, std::size_t most, std::size_t come, char octet) {
  std::array<iovec, 8> parts;
  const std::span<const iovec> space = body.space(most, parts);
  std::string all;
  for (const iovec& part : space) {
    const std::size_t n = std::min(part.iov_len, come - all.size());
    std::memset(part.iov_base, octet, n);
    all.append(n, octet);
  }
  body.commit(all.size());
  return all;
}

TEST(H2BodyTest, WhatIsReceivedIntoItIsLaidOutAsFramesAre) {
  H2Body body;
  body.append("abc");
  static_cast<void>(received(body, 40'000, 20'000, 'x'));
  EXPECT_EQ(body.size(), 20'003U);
  const H2Body::Frame first = body.take(kHead, body.next(1 << 20));
  EXPECT_TRUE(first.head.empty());
  EXPECT_EQ(first.octets, std::string(kHead) + "abc" + std::string(H2Body::kFrame - 3, 'x'));
  EXPECT_EQ(body.take(kHead, body.next(1 << 20)).octets,
            std::string(kHead) + std::string(20'003 - H2Body::kFrame, 'x'));
  EXPECT_TRUE(body.empty());
}

TEST(H2BodyTest, SpaceThatNothingComesIntoIsForgotten) {
  H2Body body;
  body.append("abc");
  EXPECT_EQ(received(body, 100'000, 0, 'x'), "");
  body.append("def");
  EXPECT_EQ(body.take(kHead, body.next(100)).octets, std::string(kHead) + "abcdef");
}

TEST(H2BodyTest, WhateverIsTakenInWhateverPiecesIsWhatWasPut) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    H2Body body;
    std::string put;
    std::string got;
    for (int step = 0; step < 40; ++step) {
      const std::string more(random() % 30'000, static_cast<char>('a' + random() % 26));
      if (step % 2 == 0) {
        body.append(more);
        put += more;
      } else {
        put += received(body, 1 + random() % 60'000, more.size(), 'R');
      }
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
}  // namespace edge::h2_body_test
