#include "edge/load/redis_settings.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>

#include "edge/load/config.h"
#include "edge/load/readers.h"
#include "shared/load/file.h"

namespace edge {
namespace {

constexpr std::size_t kMostPassword = 64 * 1024;

RedisPlace place_of(const std::string& address) {
  const HostAndPort parts = split_address(address);
  return {.host = parts.host, .port = parts.port};
}

// The first line that is no comment.
std::string read_password(const std::filesystem::path& path, const shared::load::Position& at,
                          shared::load::Diagnostics& diagnostics) {
  if (path.empty()) return {};
  const auto text = shared::load::read_file(path, {.largest = kMostPassword});
  if (!text) {
    diagnostics.error(at, "redis: cannot read " + path.string() + ": " + text.error().message);
    return {};
  }
  if (shared::load::is_open_to_all(path) && !text->starts_with("# public")) {
    diagnostics.warning(at, "redis: everybody can read the password in " + path.string() + ": chmod o-rwx");
  }
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty() && line.front() != '#') return std::string(line);
  }
  diagnostics.error(at, "redis: " + path.string() + " holds no password");
  return {};
}

}  // namespace

std::string RedisPlace::to_string() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::shared_ptr<const RedisSettings> build_redis(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics) {
  if (!edge.redis) return nullptr;
  const RedisConfig& config = *edge.redis;
  auto settings = std::make_shared<RedisSettings>();
  for (const std::string& server : config.servers) settings->servers.push_back(place_of(server));
  settings->login = {.user = config.user, .password = read_password(config.password_file, config.at, diagnostics)};
  if (config.sentinel) {
    settings->master = config.sentinel->name;
    for (const std::string& server : config.sentinel->servers) settings->sentinels.push_back(place_of(server));
    settings->sentinel_login = {.user = config.sentinel->user,
                                .password = read_password(config.sentinel->password_file, config.at, diagnostics)};
  }
  settings->database = config.database;
  if (config.tls) {
    settings->tls = shared::load::read_client_tls(*config.tls, std::chrono::system_clock::now(), diagnostics);
  }
  settings->prefix = config.prefix;
  settings->timeout = config.timeout;
  settings->interval = config.interval;
  settings->lease = config.lease;
  return settings;
}

}  // namespace edge
