#pragma once
// Reads MaxMind DB files (.mmdb: City, Country, Enterprise, ASN and ISP layouts of GeoLite2 and GeoIP2) into a flat
// GeoDatabase; other layouts are read by meaning, as far as they have places or numbers of systems. The file is read
// whole before anything is looked at, so that nobody can truncate it under us; everything that a broken file can say is
// an Error that names the file. Blocks; used by the Builder and by `meridian check`.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dns/core/steer/geo.h"
#include "shared/core/result.h"

namespace dns {

[[nodiscard]] shared::Result<std::shared_ptr<const GeoDatabase>> load_mmdb(const std::string& path);

// The same from memory; `name` stands for the file in messages.
[[nodiscard]] shared::Result<std::shared_ptr<const GeoDatabase>> read_mmdb(std::span<const std::uint8_t> bytes,
                                                                           const std::string& name);

}  // namespace dns
