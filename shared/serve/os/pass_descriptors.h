#pragma once
// One message with descriptors over a Unix socket (SCM_RIGHTS, unix(7)). The sockets keep message boundaries
// (SOCK_SEQPACKET, SOCK_DGRAM). Any thread.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/serve/os/unique_fd.h"

namespace shared {

inline constexpr std::size_t kMostDescriptors = 128;  // of one message; the kernel takes 253
inline constexpr std::size_t kMostText = 64 * 1024;   // octets of one message

// False with errno. REQUIRES: at most kMostDescriptors.
[[nodiscard]] bool send_with_descriptors(int socket, std::string_view text, std::span<const int> descriptors);

struct Received {
  std::string text;  // empty: the peer has closed
  std::vector<UniqueFd> descriptors;
};
// Nothing, with errno: EAGAIN when there is no message, EMSGSIZE when it was cut.
[[nodiscard]] std::optional<Received> receive_with_descriptors(int socket);

}  // namespace shared
