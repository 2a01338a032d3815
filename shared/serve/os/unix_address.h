#pragma once
// UnixAddress: the address of a Unix socket's file, however long its path: a socket's address holds 107 octets, so a
// longer path is reached through its open folder. Move-only; the folder stays open with it. Any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

#include "shared/serve/os/unique_fd.h"

namespace shared {

class UnixAddress {
 public:
  static constexpr std::size_t kLongestName = 80;  // of the file in its folder
  static constexpr std::string_view kThroughFolder = "/proc/self/fd/";

  // REQUIRES: `path` is absolute and fits(). Nothing, with errno: its folder cannot be opened.
  [[nodiscard]] static std::optional<UnixAddress> of(const std::string& path);
  [[nodiscard]] static bool fits(std::string_view path);

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] socklen_t size() const { return sizeof address_; }

 private:
  UnixAddress() = default;

  UniqueFd folder_;
  sockaddr_un address_{};
};

}  // namespace shared
