#pragma once
// GeoFile: a geo database and the file that it was read from, so that a reload reads it again only when the file is
// another one, and a watcher sees a new one by stat() alone. Immutable, shared by Worlds; any thread.

#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "dns/core/steer/geo.h"
#include "dns/load/geo/policies.h"
#include "shared/load/diagnostics.h"

namespace dns {

// What changes when a file is replaced (another inode) or written to (size or time).
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  auto operator<=>(const FileStamp&) const = default;
};

// Nothing: there is no such file now. Blocks on the file system.
[[nodiscard]] std::optional<FileStamp> stamp_of(const std::filesystem::path& path);

struct GeoFile {
  std::filesystem::path path;                   // empty: no database is configured
  FileStamp stamp;                              // taken before the file was read
  std::shared_ptr<const GeoDatabase> database;  // never null
  bool from_copy = false;                       // not from the file: from what the state directory keeps of it
};

// `before` itself if it is the same file, unchanged. Null: an error has been added.
[[nodiscard]] std::shared_ptr<const GeoFile> load_geo_file(const GeoConfig& config,
                                                           const std::shared_ptr<const GeoFile>& before,
                                                           shared::load::Diagnostics& diagnostics);

}  // namespace dns
