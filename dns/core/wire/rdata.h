#pragma once
// The little that the server must know about the inside of RDATA: where the names are that additional data follows, and
// whether data is what its type says. Pure, any thread.

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "dns/core/wire/name.h"
#include "dns/core/wire/wire.h"

namespace dns {

using RdataSpan = std::span<const std::uint8_t>;

// Why `rdata` cannot be of this type; nullptr: it can, or we know nothing of the type.
[[nodiscard]] const char* rdata_problem(RrType type, RdataSpan rdata);

// Offset of the target name of NS, CNAME, DNAME, PTR, MX, SRV, SVCB and HTTPS; nothing for other types.
[[nodiscard]] std::optional<std::size_t> target_offset(RrType type);

// The target name; empty if the type has none. REQUIRES: sound rdata.
[[nodiscard]] NameSpan target_name(RrType type, RdataSpan rdata);

// An order in which equal data, and only that, is equal: without regard to case in the types that are one name.
[[nodiscard]] std::strong_ordering compare_rdata(RrType type, RdataSpan a, RdataSpan b);

[[nodiscard]] constexpr bool is_service_binding(RrType type) { return type == RrType::svcb || type == RrType::https; }
[[nodiscard]] constexpr bool is_address(RrType type) { return type == RrType::a || type == RrType::aaaa; }
// Names in it whose addresses go along in the additional section.
[[nodiscard]] constexpr bool has_targets(RrType type) {
  return type == RrType::ns || type == RrType::mx || type == RrType::srv || is_service_binding(type);
}
// Types 128 to 255 and OPT: questions and wrappers, never data (RFC 6895 section 3.1).
[[nodiscard]] constexpr bool is_meta(RrType type) {
  const auto value = static_cast<std::uint16_t>(type);
  return (value >= 128 && value <= 255) || type == RrType::opt;
}

// Service bindings (RFC 9460). REQUIRES: sound rdata of SVCB or HTTPS.
[[nodiscard]] bool has_address_hints(RdataSpan rdata);
[[nodiscard]] bool hints_are_mandatory(RdataSpan rdata);

// What the hints of one client are made of: RRs of A and of AAAA as they go on the wire with the owner as a pointer (16
// and 28 octets each). Empty: the client is given none, and the hint is left out.
struct HintAddresses {
  std::span<const std::uint8_t> a;
  std::span<const std::uint8_t> aaaa;
};
// The data with these addresses in place of its hints; what has no hint is given none. write_hinted() returns the end
// of what it wrote.
[[nodiscard]] std::size_t hinted_size(RdataSpan rdata, const HintAddresses& addresses);
std::uint8_t* write_hinted(std::uint8_t* out, RdataSpan rdata, const HintAddresses& addresses);

}  // namespace dns
