#include "dns/core/steer/private_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace dns {

namespace {

struct Block {
  std::array<std::uint8_t, 16> address;
  std::uint8_t length;
};

constexpr std::array<Block, 6> kIpv4{
    {{{10}, 8}, {{100, 64}, 10}, {{127}, 8}, {{169, 254}, 16}, {{172, 16}, 12}, {{192, 168}, 16}}};
constexpr std::array<Block, 3> kIpv6{
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}, {{0xFC}, 7}, {{0xFE, 0x80}, 10}}};

// Leading bits that both have, at most the block's.
[[nodiscard]] constexpr unsigned common_bits(const std::array<std::uint8_t, 16>& a, const Block& b) {
  for (unsigned i = 0; 8 * i < b.length; ++i) {
    const auto difference = static_cast<std::uint8_t>(a[i] ^ b.address[i]);
    if (difference == 0) continue;
    return std::min<unsigned>(b.length, 8 * i + static_cast<unsigned>(std::countl_zero(difference)));
  }
  return b.length;
}

[[nodiscard]] constexpr PrivateBlock beside(const std::array<std::uint8_t, 16>& address,
                                            std::span<const Block> blocks) {
  PrivateBlock out;
  for (const Block& block : blocks) {
    const unsigned common = common_bits(address, block);
    if (common == block.length) return {true, block.length};
    out.length = std::max(out.length, static_cast<std::uint8_t>(common + 1));
  }
  return out;
}

// By the first octet of a public address; 0: that octet does not tell.
[[nodiscard]] constexpr std::array<std::uint8_t, 256> by_first_octet(std::span<const Block> blocks) {
  std::array<std::uint8_t, 256> out{};
  for (unsigned octet = 0; octet < 256; ++octet) {
    const std::array<std::uint8_t, 16> address{static_cast<std::uint8_t>(octet)};
    const bool shared = std::ranges::any_of(blocks, [&](const Block& block) {
      const Block front{block.address, std::min<std::uint8_t>(block.length, 8)};
      return common_bits(address, front) == front.length;
    });
    if (!shared) out[octet] = beside(address, blocks).length;
  }
  return out;
}

}  // namespace

constexpr std::array<std::array<std::uint8_t, 256>, 2> kPublicByOctet = {by_first_octet(kIpv4), by_first_octet(kIpv6)};

PrivateBlock private_block_of(const shared::IpAddress& address) {
  if (const std::uint8_t known = known_public_length(address)) return {false, known};
  const bool ipv4 = address.family == shared::Family::ipv4;
  return ipv4 ? beside(address.bytes, kIpv4) : beside(address.bytes, kIpv6);
}

bool is_private_client(const shared::IpAddress& address) {
  const auto embedded = shared::embedded_ipv4(address);
  return private_block_of(embedded ? embedded->address : address).is_private;
}

}  // namespace dns
