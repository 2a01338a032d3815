#pragma once
// What a server remembers of geo databases through a restart, in the files of its state directory: which one it
// accepted last, with a copy, what the policies wanted of it, and which newer one the guard keeps waiting. Read at a
// start and by `meridian geo lookup`, written by the Builder (dns/serve/control/keeper.h). Values.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "dns/load/geo/geo_file.h"
#include "shared/core/result.h"

namespace dns {

inline constexpr const char* kGeoMemoryFile = "geo";
inline constexpr const char* kGeoCopyFile = "geo.mmdb";
inline constexpr const char* kSystemsCopyFile = "geo.asn.mmdb";

struct GeoMemory {
  struct Kept {
    std::string file;        // as noted_path() has it; its copy lies in the state directory
    FileStamp stamp;         // of the file, when it was accepted
    std::uint64_t hash = 0;  // of the content
    auto operator<=>(const Kept&) const = default;
  };
  struct Waiting {
    FileStamp stamp;
    std::string why;
    auto operator<=>(const Waiting&) const = default;
    // A device's number may be another one after a boot.
    [[nodiscard]] bool is(const FileStamp& other) const {
      return other.size == stamp.size && other.modified_ns == stamp.modified_ns;
    }
  };
  std::optional<Kept> database;
  std::optional<Kept> systems;
  std::set<std::string> accepted;  // places_in() the policies
  std::optional<Waiting> waiting;
  auto operator<=>(const GeoMemory&) const = default;
};

[[nodiscard]] std::string to_text(const GeoMemory& memory);
// What cannot be read is not remembered.
[[nodiscard]] GeoMemory parse_geo_memory(std::string_view text);
[[nodiscard]] GeoMemory read_geo_memory(const std::filesystem::path& state);

// The copy of the database that was accepted last. Null: there is none of that file, or it is damaged.
[[nodiscard]] std::shared_ptr<const GeoFile> remembered_geo(const std::filesystem::path& state, const GeoMemory& memory,
                                                            const GeoConfig& config);
[[nodiscard]] std::shared_ptr<const GeoDatabase> remembered_systems(const std::filesystem::path& state,
                                                                    const GeoMemory& memory, const GeoConfig& config);

}  // namespace dns
