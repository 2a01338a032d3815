#pragma once
// Bounds of a value in a MaxMind DB: libmaxminddb follows nested maps and arrays by recursion as deep as the file says,
// so each value is walked here first, with a bound on its depth and size. Pure functions, any thread. Format: "MaxMind
// DB File Format Specification", version 2.0, section "Output Data Section".

#include <cstdint>
#include <span>

namespace shared::load {

// Of how many parts the value at `offset` is made; 0: it is not sound.
[[nodiscard]] unsigned mmdb_parts_of(std::span<const std::uint8_t> section, std::uint64_t offset);

// Whether the value at `offset` is whole: inside `section`, nested at most 32 deep and made of at most 65536 parts,
// pointers followed; the keys of its maps are strings.
[[nodiscard]] bool mmdb_value_is_sound(std::span<const std::uint8_t> section, std::uint64_t offset);

// Whether the metadata at the end of the file is there and sound, and the search tree that it tells of fits into the
// file. libmaxminddb reads both while opening.
enum class MmdbMetadata : std::uint8_t { missing, unsound, tree_too_large, sound };
[[nodiscard]] MmdbMetadata check_mmdb_metadata(std::span<const std::uint8_t> file);

}  // namespace shared::load
