#pragma once
// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of short messages that nobody without the key can predict or
// collide. For authentication of a few octets and for tables that strangers fill. Pure, any thread.

#include <array>
#include <cstdint>
#include <span>

namespace shared {

using SipKey = std::array<std::uint8_t, 16>;

[[nodiscard]] std::uint64_t siphash_2_4(const SipKey& key, std::span<const std::uint8_t> message);

}  // namespace shared
