#pragma once
// Correction: an operator's row that is right where the geo database is wrong ("this /24 is really in Germany").
// corrected() lays such rows over a database and gives a new one; the policies compiled from it know no difference, so
// a correction costs the answer path nothing. Pure functions; any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dns/core/health/region.h"
#include "dns/core/steer/geo.h"
#include "shared/core/ip.h"

namespace dns {

// What is not said stays as the database has it; but a place without a location takes one that the database has for
// that place, never that of the place it corrects.
struct Correction {
  shared::Prefix prefix;
  std::optional<GeoCode> code;
  std::optional<Location> location;
  std::optional<std::uint32_t> asn;
};

// Rows may nest: only the most specific one counts. An IPv4 address embedded in IPv6 is corrected as IPv4.
[[nodiscard]] std::shared_ptr<const GeoDatabase> corrected(const GeoDatabase& database,
                                                           std::span<const Correction> corrections);

// The location of the place in this database: of its own record that holds the most addresses, else of one inside it.
[[nodiscard]] std::optional<Location> location_of(const GeoDatabase& database, const GeoCode& code);

}  // namespace dns
