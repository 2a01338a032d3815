// What a Redis server, or whoever answers in its place, sends: octets to replies in pieces of any size, and replies to
// answers. However the octets are cut, the replies are the same.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/protect/lease_script.h"
#include "edge/core/protect/region_share.h"
#include "edge/serve/redis/redis_client.h"
#include "edge/serve/redis/redis_replies.h"
#include "edge/serve/redis/session_store.h"

namespace {

using edge::RedisValue;

void write(const RedisValue& value, std::string& out) {
  out += std::to_string(static_cast<int>(value.kind)) + ":" + std::to_string(value.integer) + ":" + value.text + "[";
  for (const RedisValue& item : value.items) write(item, out);
  out += "]";
}

std::string read(std::string_view octets, std::size_t piece) {
  edge::RedisReplies replies;
  std::string out;
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    if (!replies.feed(octets.substr(at, piece))) break;
    while (const auto value = replies.next()) write(*value, out);
    if (replies.bad()) break;
  }
  return out;
}

void use(std::string_view octets) {
  edge::RedisReplies replies;
  if (!replies.feed(octets)) return;
  while (const auto value = replies.next()) {
    for (const std::size_t asked : {std::size_t{0}, std::size_t{2}}) {
      const auto answer = edge::read_lease_answer(*value, asked);
      if (!answer) continue;
      if (answer->shares.size() != asked || answer->edges == 0) __builtin_trap();
      for (const std::uint32_t share : answer->shares) {
        if (share > edge::RegionShare::kWhole) __builtin_trap();
      }
    }
    if (const auto master = edge::read_master(*value, "shop"); master && (master->host.empty() || master->port == 0)) {
      __builtin_trap();
    }
    (void)edge::read_role(*value);
    if (const auto session = edge::read_session(*value, 2); session && *session) {
      if ((*session)->server.empty() || (*session)->key > 1) __builtin_trap();
    }
    (void)edge::is_useless(*value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (size > 4096) return 0;
  const std::string whole = read(octets, size == 0 ? 1 : size);
  if (read(octets, 1) != whole || read(octets, 7) != whole) __builtin_trap();
  use(octets);
  return 0;
}
