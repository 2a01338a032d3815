#pragma once
// SecretHash: of eight octets with a secret, for tables that strangers fill. (a * x + b) mod 2^128, its upper half,
// with a and b of 128 bits, and that mixed. The first is strongly universal (Dietzfelbinger 1996; Thorup, "High Speed
// Hashing for Integers and Strings", 2015, 3.3): the hashes of two values, whichever somebody has chosen who does not
// know the secret, are as two drawn numbers are, so they share one of n places with a chance of one in n. Mixing is one
// to one and keeps that; it scatters what a product leaves in a row, as a network's addresses are. Immutable value, any
// thread.

#include <cstdint>

#include "shared/core/hash.h"

namespace shared {

class SecretHash {
 public:
  // Of a secret seed, which may have other uses.
  explicit constexpr SecretHash(std::uint64_t seed)
      : a_(wide(mix(seed + 1), mix(seed + 2))), b_(wide(mix(seed + 3), mix(seed + 4))) {}

  [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t value) const {
    return mix(static_cast<std::uint64_t>((a_ * value + b_) >> 64));
  }

 private:
  __extension__ using Wide = unsigned __int128;
  [[nodiscard]] static constexpr Wide wide(std::uint64_t high, std::uint64_t low) { return Wide{high} << 64 | low; }

  Wide a_;
  Wide b_;
};

}  // namespace shared
