#pragma once
// SvcParams of SVCB and HTTPS (RFC 9460), from the words of a zone file to the wire. Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dns/load/record/rdata_fields.h"

namespace dns {

// All words that are left. The record's priority and target are in out() already.
[[nodiscard]] Result<void> read_service_params(FieldReader& reader);

// Why these parameters in wire form cannot stand in a record; nothing: they can (RFC 9460 sections 2.2, 7 and 8).
[[nodiscard]] std::optional<std::string> service_params_problem(std::span<const std::uint8_t> wire);

}  // namespace dns
