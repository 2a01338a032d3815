#pragma once
// Stable hashes: the same value on every machine, build and restart, because answers, shares and rings depend on them.
// Not for untrusted hash tables that must resist flooding: seed those per process. Pure functions, any thread.

#include <cstdint>
#include <span>
#include <string_view>

namespace shared {

// Mixes all 64 bits (the finaliser of SplitMix64, Steele et al. 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Bytes to 64 bits, eight at a time; the length is part of the value.
[[nodiscard]] constexpr std::uint64_t hash_bytes(std::uint64_t seed, std::span<const std::uint8_t> bytes) {
  std::uint64_t h = mix(seed + 0x9E3779B97F4A7C15ULL * (bytes.size() + 1));
  std::size_t i = 0;
  for (; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    for (std::size_t j = i; j < bytes.size() && j < i + 8; ++j) word |= std::uint64_t{bytes[j]} << (8 * (j - i));
    h = mix(h ^ word) + 0x9E3779B97F4A7C15ULL;
  }
  return mix(h);
}

[[nodiscard]] constexpr std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
  std::uint64_t h = mix(seed + 0x9E3779B97F4A7C15ULL * (text.size() + 1));
  for (std::size_t i = 0; i < text.size(); i += 8) {
    std::uint64_t word = 0;
    for (std::size_t j = i; j < text.size() && j < i + 8; ++j) {
      word |= std::uint64_t{static_cast<std::uint8_t>(text[j])} << (8 * (j - i));
    }
    h = mix(h ^ word) + 0x9E3779B97F4A7C15ULL;
  }
  return mix(h);
}

// A hash as an index in [0, n): floor(h * n / 2^64), a multiply-shift over all 64 bits (Lemire 2019). An index gets
// floor or ceil(2^64 / n) of the hashes, so its share is off by less than n / 2^64 of itself. REQUIRES: n > 0.
[[nodiscard]] constexpr std::uint32_t hash_to_index(std::uint64_t h, std::uint32_t n) {
  const std::uint64_t low = (h & 0xFFFFFFFF) * n;
  return static_cast<std::uint32_t>(((h >> 32) * n + (low >> 32)) >> 32);
}

}  // namespace shared
