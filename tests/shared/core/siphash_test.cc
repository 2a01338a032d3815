#include "shared/core/siphash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace shared::siphash_test {
namespace {

struct Vector {
  std::size_t length;
  std::uint64_t hash;
};

// Key 00 01 .. 0f, message 00 01 .. : appendix A of the paper (15 octets) and the reference implementation's table.
TEST(SipHash, ReferenceVectors) {
  SipKey key;
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  for (const Vector& c :
       {Vector{0, 0x726FDB47DD0E0E31ULL}, Vector{1, 0x74F839C593DC67FDULL}, Vector{7, 0xAB0200F58B01D137ULL},
        Vector{8, 0x93F5F5799A932462ULL}, Vector{15, 0xA129CA6149BE45E5ULL}, Vector{63, 0x958A324CEB064572ULL}}) {
    std::vector<std::uint8_t> message(c.length);
    std::iota(message.begin(), message.end(), std::uint8_t{0});
    EXPECT_EQ(siphash_2_4(key, message), c.hash) << c.length;
  }
}

TEST(SipHash, DependsOnEveryBitOfTheKey) {
  const std::vector<std::uint8_t> message(20, 7);
  const std::uint64_t plain = siphash_2_4({}, message);
  for (std::size_t bit = 0; bit < 128; ++bit) {
    SipKey key{};
    key[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_NE(siphash_2_4(key, message), plain) << bit;
  }
}

}  // namespace
}  // namespace shared::siphash_test
