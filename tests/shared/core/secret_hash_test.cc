#include "shared/core/secret_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace shared::secret_hash_test {
namespace {

TEST(SecretHash, IsAFunctionOfTheSecretAndTheValue) {
  EXPECT_EQ(SecretHash(7)(42), SecretHash(7)(42));
  EXPECT_NE(SecretHash(7)(42), SecretHash(8)(42));
  EXPECT_NE(SecretHash(7)(42), SecretHash(7)(43));
  EXPECT_NE(SecretHash(7)(0), SecretHash(8)(0)) << "nothing has a hash that everybody knows";
}

// Which edges of a region, of whatever build, have to agree on.
TEST(SecretHash, IsTheSameOnEveryMachine) {
  EXPECT_EQ(SecretHash(1)(0), 0xF88DB399D47AAB91ULL);
  EXPECT_EQ(SecretHash(1)(0x0123456789ABCDEFULL), 0xDF7A6FABBBB80B79ULL);
}

// Whichever two values somebody chooses: over the secrets they share one of n places as often as drawn numbers do.
TEST(SecretHash, TwoValuesShareAPlaceAsOftenAsDrawnNumbers) {
  constexpr std::uint64_t kSecrets = 200'000;
  constexpr unsigned kPlacesBits = 8;
  for (const std::uint64_t other : {1ULL, 1ULL << 32, 1ULL << 63, 0xFFFFFFFFFFFFFFFFULL, 0xC000000000000000ULL}) {
    std::uint64_t shared = 0;
    for (std::uint64_t secret = 0; secret < kSecrets; ++secret) {
      const SecretHash hash(secret);
      shared += (hash(0) ^ hash(other)) >> (64 - kPlacesBits) == 0 ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(shared), kSecrets / 256.0, 5 * std::sqrt(kSecrets / 256.0)) << other;
  }
}

// The addresses of a network, which stand in a row, over the lines of a table.
TEST(SecretHash, AddressesInARowAreScattered) {
  constexpr std::uint64_t kLines = 4096;
  for (std::uint64_t secret = 0; secret < 50; ++secret) {
    const SecretHash hash(secret);
    std::vector<unsigned> lines(kLines);
    for (std::uint64_t i = 0; i < 4 * kLines; ++i) ++lines[hash(i << 32 | 0xFF) >> 52];
    EXPECT_LE(*std::ranges::max_element(lines), 20U) << "of 4 in each, were they even";
  }
}

// Each bit of the value turns each bit of the hash about every second time.
TEST(SecretHash, EveryBitCounts) {
  constexpr std::uint64_t kValues = 2'000;
  const SecretHash hash(99);
  for (unsigned bit = 0; bit < 64; ++bit) {
    std::uint64_t turned = 0;
    for (std::uint64_t i = 0; i < kValues; ++i) {
      turned += static_cast<std::uint64_t>(std::popcount(hash(i * 7919) ^ hash(i * 7919 ^ 1ULL << bit)));
    }
    EXPECT_NEAR(static_cast<double>(turned) / kValues, 32, 2) << bit;
  }
}

}  // namespace
}  // namespace shared::secret_hash_test
