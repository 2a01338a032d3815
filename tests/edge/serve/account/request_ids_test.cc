#include "edge/serve/account/request_ids.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace edge::request_ids_test {
namespace {

TEST(RequestIds, NoHalfIsEverSeenTwice) {
  RequestIds ids({shared::SipKey{1}, shared::SipKey{2}});
  std::set<std::string> halves;
  constexpr std::size_t kIds = 1000;
  for (std::size_t i = 0; i < kIds; ++i) {
    const std::string id(ids.fresh());
    ASSERT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    halves.insert(id.substr(0, 16));
    halves.insert(id.substr(16));
  }
  EXPECT_EQ(halves.size(), 2 * kIds);
}

TEST(RequestIds, OtherKeysGiveOtherIds) {
  RequestIds one({shared::SipKey{1}, shared::SipKey{2}});
  RequestIds same({shared::SipKey{1}, shared::SipKey{2}});
  RequestIds other({shared::SipKey{1}, shared::SipKey{3}});
  const std::string id(one.fresh());
  EXPECT_EQ(id, same.fresh());
  const std::string third(other.fresh());
  EXPECT_EQ(id.substr(0, 16), third.substr(0, 16));  // each half has a key of its own
  EXPECT_NE(id.substr(16), third.substr(16));
}

// The length of the shortest linear recurrence that makes these bits (Berlekamp and Massey). Of random bits it is half
// their number; a counter, a congruential generator or a shift register has one that tells all bits to come.
std::size_t linear_complexity(const std::vector<bool>& bits) {
  std::vector<bool> now(bits.size() + 1);
  std::vector<bool> before(bits.size() + 1);
  now[0] = before[0] = true;
  std::size_t length = 0;
  std::size_t since = 1;
  for (std::size_t n = 0; n < bits.size(); ++n, ++since) {
    bool wrong = bits[n];
    for (std::size_t i = 1; i <= length; ++i) wrong = wrong != (now[i] && bits[n - i]);
    if (!wrong) continue;
    const std::vector<bool> kept = now;
    for (std::size_t i = 0; i + since < now.size(); ++i) now[i + since] = now[i + since] != before[i];
    if (2 * length > n) continue;
    length = n + 1 - length;
    before = kept;
    since = 0;
  }
  return length;
}

TEST(RequestIds, NoneTellsTheNext) {
  constexpr std::size_t kIds = 1000;
  RequestIds ids({shared::SipKey{1}, shared::SipKey{2}});
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < kIds; ++i) seen.emplace_back(ids.fresh());
  for (std::size_t digit = 0; digit < RequestIds::kSize; digit += 5) {
    for (const unsigned bit : {1U, 8U}) {
      std::vector<bool> bits;
      std::size_t flips = 0;
      for (const std::string& id : seen) {
        const bool one = (std::stoul(id.substr(digit, 1), nullptr, 16) & bit) != 0;
        flips += !bits.empty() && bits.back() != one ? 1 : 0;
        bits.push_back(one);
      }
      EXPECT_NEAR(static_cast<double>(linear_complexity(bits)), kIds / 2.0, 20) << "digit " << digit;
      EXPECT_NEAR(static_cast<double>(flips), kIds / 2.0, 100) << "digit " << digit << ": six sigma";
    }
  }
}

TEST(RequestIds, TheTestAboveKnowsAGeneratorThatCanBeTold) {
  std::vector<bool> counter;
  std::vector<bool> shifted;
  std::uint32_t state = 1;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    counter.push_back((i & 1) != 0);
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    shifted.push_back((state & 1) != 0);
  }
  EXPECT_LE(linear_complexity(counter), 3U);
  EXPECT_LE(linear_complexity(shifted), 32U);
}

}  // namespace
}  // namespace edge::request_ids_test
