#pragma once
// Whether octets are the data of a type, field by field: what `\# LENGTH HEX` of a known type must be (RFC 3597 section
// 5), and what text made. Pure function, any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dns/load/record/rdata_types.h"

namespace dns {

// Why not; nothing: they are.
[[nodiscard]] std::optional<std::string> wire_problem(const RdataType& type, std::span<const std::uint8_t> wire);

}  // namespace dns
