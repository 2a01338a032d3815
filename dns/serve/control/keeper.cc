#include "dns/serve/control/keeper.h"

#include <filesystem>
#include <utility>

#include "shared/load/files.h"
#include "shared/serve/process/last_good.h"

namespace dns {
namespace {

using shared::Result;
using shared::StateDirectory;

// Writes the copy, unless it has that content already.
Result<GeoMemory::Kept> keep_file(const StateDirectory& state, const char* copy, const std::filesystem::path& file,
                                  const FileStamp& stamp, const std::optional<GeoMemory::Kept>& before) {
  GeoMemory::Kept kept{shared::load::noted_path(file), stamp, 0};
  if (before && before->file == kept.file && before->stamp == stamp) return *before;
  const auto text = shared::load::read_file(file);
  if (!text) return shared::fail("cannot keep a copy of " + file.string() + ": " + text.error().message);
  if (stamp_of(file) != stamp) return shared::fail(file.string() + " has changed since it was read");
  kept.hash = shared::load::hash_of_content(*text);
  if (before && before->file == kept.file && before->hash == kept.hash) return kept;
  if (auto written = state.write(copy, *text); !written) return tl::unexpected(written.error());
  return kept;
}

Result<void> keep_geo(const StateDirectory& state, const Keepsake& what) {
  const World& world = *what.world;
  const GeoMemory before = read_geo_memory(state.path());
  GeoMemory memory = before;
  memory.accepted = places_in(world.policies->spec());
  memory.waiting = what.waiting;
  Result<void> result;
  if (!world.geo->path.empty() && !world.geo->from_copy) {
    auto kept = keep_file(state, kGeoCopyFile, world.geo->path, world.geo->stamp, before.database);
    if (kept) memory.database = std::move(*kept);
    if (!kept) result = tl::unexpected(kept.error());
  }
  const std::filesystem::path& systems = world.config.geo.asn;
  const auto stamp = systems.empty() ? std::nullopt : stamp_of(systems);
  if (stamp && what.files) {
    auto kept = keep_file(state, kSystemsCopyFile, systems, *stamp, before.systems);
    if (kept) memory.systems = std::move(*kept);
    if (!kept) result = tl::unexpected(kept.error());
  }
  if (memory == before) return result;
  if (auto written = state.write(kGeoMemoryFile, to_text(memory)); !written) return written;
  return result;
}

}  // namespace

Result<void> keep(const StateDirectory& state, const Keepsake& what) {
  Result<void> geo = keep_geo(state, what);
  if (!what.files || what.world->files == nullptr) return geo;
  static const shared::load::FreshTexts kNone;
  const auto& fresh = what.world->fresh;
  auto files = shared::save_last_good(state, what.config, *what.world->files, fresh == nullptr ? kNone : *fresh);
  if (fresh != nullptr) fresh->clear();
  return files ? geo : files;
}

}  // namespace dns
