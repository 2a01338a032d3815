#include "shared/core/sip_state.h"

#include <bit>
#include <cstring>

#include <gtest/gtest.h>

#include "shared/core/siphash.h"

namespace shared::sip_state_test {
namespace {

constexpr std::uint64_t kLow = 0x0706050403020100ULL;
constexpr std::uint64_t kHigh = 0x0F0E0D0C0B0A0908ULL;

// Fifteen octets, 00 to 0E, under the key 00 to 0F: appendix A of the paper.
TEST(SipState, IsThePapersExample) {
  SipState state(kLow, kHigh);
  state.take(0x0706050403020100ULL);
  state.take(0x0F0E0D0C0B0A0908ULL);  // the length, fifteen, is the octet on top
  EXPECT_EQ(state.finish(), 0xA129CA6149BE45E5ULL);
}

TEST(SipState, OfANumberIsSiphashOfItsOctets) {
  SipKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  for (const std::uint64_t number : {0ULL, 1ULL, 0xFFFFFFFFFFFFFFFFULL, 0x0123456789ABCDEFULL}) {
    std::array<std::uint8_t, 8> octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(number >> (8 * i));
    SipState state(kLow, kHigh);
    state.take(number);
    state.take(std::uint64_t{8} << 56);
    EXPECT_EQ(state.finish(), siphash_2_4(key, octets)) << number;
  }
}

}  // namespace
}  // namespace shared::sip_state_test
