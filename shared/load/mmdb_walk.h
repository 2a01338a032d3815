#pragma once
// Walks a MaxMind DB (.mmdb) from its first network to its last: what both servers read geo databases with, each for
// what it wants of them. The file is given whole, so that nobody can truncate it under us; everything that a broken one
// can say is an Error. Blocks; the Builder's thread, and `meridian check`.

#include <maxminddb.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "shared/core/ip.h"
#include "shared/core/result.h"

namespace shared::load {

struct MmdbReader {
  // What is made of a record; called once for each, which is sound.
  std::function<std::uint32_t(MMDB_entry_s entry)> id_of;
  // Each network with that of its record. Each family comes in ascending order, and disjoint; the families may be
  // interleaved. Addresses of ::/96 come as IPv4.
  std::function<void(const Prefix& network, std::uint32_t id)> network;
};

// The type of the database: "GeoLite2-City".
[[nodiscard]] Result<std::string> walk_mmdb(std::span<const std::uint8_t> bytes, const MmdbReader& reader);

using MmdbPath = std::array<const char*, 4>;  // null-terminated

// Nothing if the record does not have it.
[[nodiscard]] std::optional<MMDB_entry_data_s> mmdb_value(MMDB_entry_s entry, const MmdbPath& path);
// Empty, too, if it is no text.
[[nodiscard]] std::string mmdb_text(MMDB_entry_s entry, const MmdbPath& path);

}  // namespace shared::load
