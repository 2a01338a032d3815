#include "dns/load/geo/geo_file.h"

#include <sys/stat.h>

#include <utility>

namespace dns {

std::optional<FileStamp> stamp_of(const std::filesystem::path& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return FileStamp{facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
                   facts.st_mtim.tv_sec * kNanoseconds + facts.st_mtim.tv_nsec};
}

std::shared_ptr<const GeoFile> load_geo_file(const GeoConfig& config, const std::shared_ptr<const GeoFile>& before,
                                             shared::load::Diagnostics& diagnostics) {
  const auto stamp = config.database.empty() ? FileStamp{} : stamp_of(config.database).value_or(FileStamp{});
  if (before != nullptr && before->path == config.database && before->stamp == stamp) return before;
  auto database = load_geo(config, diagnostics);
  if (database == nullptr) return nullptr;
  return std::make_shared<const GeoFile>(GeoFile{config.database, stamp, std::move(database), false});
}

}  // namespace dns
