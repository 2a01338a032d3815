#include "shared/serve/os/unix_address.h"

#include <fcntl.h>

#include <cstring>

namespace shared {
namespace {

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

bool UnixAddress::fits(std::string_view path) {
  return path.size() < sizeof(sockaddr_un::sun_path) || name_of(path).size() <= kLongestName;
}

std::optional<UnixAddress> UnixAddress::of(const std::string& path) {
  UnixAddress out;
  out.address_.sun_family = AF_UNIX;
  std::string where = path;
  if (path.size() >= sizeof out.address_.sun_path) {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    out.folder_ = UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!out.folder_.valid()) return std::nullopt;
    where = std::string(kThroughFolder) + std::to_string(out.folder_.get()) + '/' + std::string(name_of(path));
  }
  std::memcpy(out.address_.sun_path, where.data(), where.size());
  return out;
}

}  // namespace shared
