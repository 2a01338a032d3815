#pragma once
// ListenAddress: where to listen, as it is written in the file that all nodes share: "127.0.0.1:80", "{edge}:80" (this
// node's own address), "unix:/run/meridian/dns.sock". Port 0 lets the system choose. Value type, any thread.

#include <cstdint>
#include <optional>
#include <string>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/load/reader.h"

namespace shared::load {

struct ListenAddress {
  enum class Kind : std::uint8_t { fixed, own, unix_socket };

  Kind kind = Kind::fixed;
  IpAddress address;       // fixed
  std::uint16_t port = 0;  // fixed and own
  std::string path;        // unix_socket: absolute

  [[nodiscard]] static std::optional<ListenAddress> parse(std::string_view text);

  // The endpoint on a node whose own address is `own`; nothing for a Unix socket, or for {edge} on a node without one.
  [[nodiscard]] std::optional<Endpoint> resolve(const std::optional<IpAddress>& own) const;
  [[nodiscard]] std::string to_string() const;
};

// TCP and {edge} only, or Unix sockets too.
[[nodiscard]] Reader<ListenAddress> listen_address();
[[nodiscard]] Reader<ListenAddress> listen_address_or_unix();

}  // namespace shared::load
