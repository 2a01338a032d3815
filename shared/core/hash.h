#pragma once
// Stable hashes: the same value on every machine, build and restart, because answers, shares and rings depend on them.
// Not for untrusted hash tables that must resist flooding: seed those per process. Pure functions, any thread.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace shared {

// Mixes all 64 bits (the finaliser of SplitMix64, Steele et al. 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

namespace detail {

// Up to eight octets as a little-endian number.
template <class Octet>
[[nodiscard]] constexpr std::uint64_t load_word(const Octet* octets, std::size_t size) {
  std::uint64_t word = 0;
  if (!std::is_constant_evaluated() && size >= 8 && std::endian::native == std::endian::little) {
    std::memcpy(&word, octets, 8);
    return word;
  }
  for (std::size_t i = 0; i < size && i < 8; ++i)
    word |= std::uint64_t{static_cast<std::uint8_t>(octets[i])} << (8 * i);
  return word;
}

template <class Octet>
[[nodiscard]] constexpr std::uint64_t hash_octets(std::uint64_t seed, const Octet* octets, std::size_t size) {
  std::uint64_t h = mix(seed + 0x9E3779B97F4A7C15ULL * (size + 1));
  for (std::size_t i = 0; i < size; i += 8) h = mix(h ^ load_word(octets + i, size - i)) + 0x9E3779B97F4A7C15ULL;
  return mix(h);
}

}  // namespace detail

// Bytes to 64 bits, eight at a time; the length is part of the value.
[[nodiscard]] constexpr std::uint64_t hash_bytes(std::uint64_t seed, std::span<const std::uint8_t> bytes) {
  return detail::hash_octets(seed, bytes.data(), bytes.size());
}

[[nodiscard]] constexpr std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
  return detail::hash_octets(seed, text.data(), text.size());
}

// A hash as an index in [0, n): floor(h * n / 2^64), a multiply-shift over all 64 bits (Lemire 2019). An index gets
// floor or ceil(2^64 / n) of the hashes, so its share is off by less than n / 2^64 of itself. REQUIRES: n > 0.
[[nodiscard]] constexpr std::uint32_t hash_to_index(std::uint64_t h, std::uint32_t n) {
  const std::uint64_t low = (h & 0xFFFFFFFF) * n;
  return static_cast<std::uint32_t>(((h >> 32) * n + (low >> 32)) >> 32);
}

}  // namespace shared
