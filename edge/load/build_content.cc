#include "edge/load/build_content.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace edge {
namespace {

void check_root(const shared::load::Located<std::filesystem::path>& root, shared::load::Diagnostics& diagnostics) {
  std::error_code failed;
  if (!std::filesystem::is_directory(root.value, failed)) {
    diagnostics.error(root.at, "root: " + root.value.string() + " is no directory: make it, or name another");
  } else if (::access(root.value.c_str(), R_OK | X_OK) != 0) {
    diagnostics.error(root.at, "root: " + root.value.string() + " may not be read: chmod a+rx it");
  }
}

// Octets of a request's path that the route has matched, for a prefix; an exact path is a file's name by itself.
std::size_t mount_of(const RouteConfig& route) {
  if (!route.files->strip_path || route.path.starts_with('=')) return 0;
  return route.path.ends_with('/') ? route.path.size() - 1 : route.path.size();
}

}  // namespace

std::shared_ptr<const MimeTypes> read_mime_types(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return std::make_shared<const MimeTypes>();
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return std::make_shared<const MimeTypes>(text);
}

StaticFiles build_files(const RouteConfig& route, std::shared_ptr<const MimeTypes> types,
                        shared::load::Diagnostics& diagnostics) {
  const FilesConfig& config = *route.files;
  check_root(config.root, diagnostics);
  StaticFiles files;
  files.root = std::filesystem::absolute(config.root.value).string();
  files.mount = mount_of(route);
  files.index = config.index;
  files.fallback = config.fallback.starts_with('/') ? config.fallback.substr(1) : config.fallback;
  files.precompressed = config.precompressed;
  files.symlinks = config.symlinks;
  files.dotfiles = config.dotfiles;
  files.listing = config.listing;
  files.cache_control = config.cache_control;
  for (const auto& [ending, at, value] : config.cache_control_by_ending) {
    files.cache_control_by_ending.emplace_back(ending, value);
  }
  files.types = std::move(types);
  return files;
}

std::shared_ptr<const Compression> build_compression(const std::optional<CompressionConfig>& general,
                                                     const std::optional<CompressionConfig>& own) {
  if (!general && !own) return nullptr;
  const CompressionConfig nothing;
  const CompressionConfig& above = general ? *general : nothing;
  const CompressionConfig& here = own ? *own : nothing;
  const auto set = [](auto& value, const auto& first, const auto& second) {
    if (first) {
      value = *first;
    } else if (second) {
      value = *second;
    }
  };
  bool enabled = true;
  set(enabled, here.enabled, above.enabled);
  if (!enabled) return nullptr;
  auto made = std::make_shared<Compression>();
  set(made->codings, here.codings, above.codings);
  set(made->types, here.types, above.types);
  set(made->min_size, here.min_size, above.min_size);
  set(made->levels.gzip, here.gzip_level, above.gzip_level);
  set(made->levels.br, here.br_level, above.br_level);
  set(made->levels.zstd, here.zstd_level, above.zstd_level);
  return made;
}

}  // namespace edge
