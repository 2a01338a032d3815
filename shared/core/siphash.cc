#include "shared/core/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "shared/core/sip_state.h"

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

}  // namespace

std::uint64_t siphash_2_4(const SipKey& key, std::span<const std::uint8_t> message) {
  const std::span<const std::uint8_t> key_bytes(key);
  SipState state(load_le(key_bytes), load_le(key_bytes.subspan(8)));
  const std::uint64_t length = std::uint64_t{message.size() & 0xFF} << 56;
  for (; message.size() >= 8; message = message.subspan(8)) state.take(load_le(message));
  state.take(load_le(message) | length);
  return state.finish();
}

}  // namespace shared
