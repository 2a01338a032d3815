// The file that a path means: whatever is asked for, a name below the root without `..`, NUL, an empty part or a hidden
// one, and the same from each path that is escaped anew. The first octet says which settings.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/content/static_files.h"
#include "edge/core/message/target.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_name(std::string_view name, bool dotfiles) {
  require(name.find('\0') == std::string_view::npos && !name.starts_with('/'));
  for (bool first = true; !name.empty(); first = false) {
    const std::string_view part = name.substr(0, name.find('/'));
    require(!part.empty() && part.size() <= 255 && part != "." && part != "..");
    require(dotfiles || !part.starts_with('.') || (first && part == ".well-known"));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
  }
}

std::string escaped(std::string_view name) {
  std::string path = "/";
  for (const char c : name) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto octet = static_cast<unsigned char>(c);
    if (c == '/') {
      path += c;
    } else {
      path.append("%").append(1, kHex[octet / 16]).append(1, kHex[octet % 16]);
    }
  }
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  edge::StaticFiles files;
  files.dotfiles = (data[0] & 1) != 0;
  const std::string path = "/" + std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  // As requests bring it, and as nobody should.
  edge::TargetScratch scratch;
  const auto normal = edge::normalise_path(path, scratch);
  for (const std::string_view asked : {std::string_view(path), normal ? normal->merged : std::string_view("/")}) {
    const auto name = edge::file_of_path(files, asked);
    if (!name) continue;
    check_name(*name, files.dotfiles);
    require(edge::file_of_path(files, escaped(*name)) == name);
  }
  return 0;
}
