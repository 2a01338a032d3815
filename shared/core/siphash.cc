#include "shared/core/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace shared {

namespace {

// Little-endian, as the paper has it; octets past the end count as zero.
std::uint64_t load_le(std::span<const std::uint8_t> bytes) {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    if (bytes.size() >= 8) {
      std::memcpy(&word, bytes.data(), 8);
      return word;
    }
  }
  for (std::size_t i = 0; i < bytes.size() && i < 8; ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
  return word;
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t siphash_2_4(const SipKey& key, std::span<const std::uint8_t> message) {
  const std::span<const std::uint8_t> key_bytes(key);
  const std::uint64_t k0 = load_le(key_bytes);
  const std::uint64_t k1 = load_le(key_bytes.subspan(8));
  State state{k0 ^ 0x736F6D6570736575ULL, k1 ^ 0x646F72616E646F6DULL, k0 ^ 0x6C7967656E657261ULL,
              k1 ^ 0x7465646279746573ULL};
  const std::uint64_t length = std::uint64_t{message.size() & 0xFF} << 56;
  for (; message.size() >= 8; message = message.subspan(8)) state.take(load_le(message));
  state.take(load_le(message) | length);
  state.v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace shared
