#pragma once
// Rrset: all RRs of one owner and type, ready for the wire: a view into the zone's arena or into the AnswerSets, which
// both outlive it. Every set of a reply is one, wherever it comes from, so what belongs to a set belongs here: its
// signatures will (docs/decisions/018-place-of-signatures.md). Pure, any thread.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dns/core/wire/wire.h"

namespace dns {

struct Rrset {
  RrType type{};
  std::uint16_t count = 0;
  std::uint16_t pointers = 0;          // in the data
  std::span<const std::uint8_t> wire;  // `count` RRs, owner C0 0C; of a zone's set the moves stand behind it

  // What moves pointer i when the set stands elsewhere than was thought (shorten.h): its place in `wire`, whether it
  // points into the set, and the octet of the set or of the owner that it points to. REQUIRES: i < pointers.
  static constexpr std::uint32_t kInSet = 0x80000000;
  static constexpr unsigned kPlaceAt = 16;
  static constexpr std::uint32_t kMostPlace = 0x7FFF;
  [[nodiscard]] std::uint32_t move(unsigned i) const {
    std::uint32_t value = 0;
    std::memcpy(&value, wire.data() + moves_at(wire.size()) + i * sizeof value, sizeof value);
    return value;
  }
  // From the begin of `wire`.
  [[nodiscard]] static std::size_t moves_at(std::size_t wire_size) { return (wire_size + 3) & ~std::size_t{3}; }

  // Of the first RR, which all have. REQUIRES: count > 0.
  [[nodiscard]] std::uint32_t ttl() const { return load_u32(&wire[6]); }
};

}  // namespace dns
