#pragma once
// RedisSettings: where the Redis server is that the edges of a region share, and how it is spoken to. With passwords:
// never shown. Made by the Builder, immutable; used by the control loop.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/time.h"
#include "shared/load/client_tls.h"
#include "shared/load/diagnostics.h"

namespace edge {

struct EdgeConfig;

struct RedisLogin {
  std::string user = {};  // empty: the server's default
  std::string password = {};

  bool operator==(const RedisLogin&) const = default;
};

struct RedisPlace {
  std::string host;  // a name or an address
  std::uint16_t port = 0;

  bool operator==(const RedisPlace&) const = default;
  [[nodiscard]] std::string to_string() const;
};

struct RedisSettings {
  std::vector<RedisPlace> servers = {};    // the first that takes writes is used
  std::string master = {};                 // as the sentinels call it; empty: none are asked
  std::vector<RedisPlace> sentinels = {};  // in place of servers
  RedisLogin login = {};
  RedisLogin sentinel_login = {};
  std::uint16_t database = 0;
  std::optional<shared::ClientTls> tls = {};  // of sentinels, too
  std::string prefix = "meridian";
  shared::Duration timeout = shared::milliseconds(250);   // of a connection, and of each answer
  shared::Duration interval = shared::milliseconds(100);  // from one question about limits to the next
  shared::Duration lease = shared::seconds(3);            // that a share of a limit lasts without an answer

  bool operator==(const RedisSettings&) const = default;
};

// Null without `redis`. Reads the files of passwords and TLS.
[[nodiscard]] std::shared_ptr<const RedisSettings> build_redis(const EdgeConfig& edge,
                                                               shared::load::Diagnostics& diagnostics);

}  // namespace edge
