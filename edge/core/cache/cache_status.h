#pragma once
// What the cache has done for a request: a word for logs and metrics, and the field Cache-Status (RFC 9211). Value
// types, pure functions, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace edge {

enum class CacheVerdict : std::uint8_t {
  none,         // the route has no cache
  hit,          // fresh from the store
  stale,        // from the store though it is stale
  revalidated,  // from the store, after a server has said that it is still good
  miss,         // from a server
  bypass,       // the cache had no part in it
  count_,       // not a verdict
};
inline constexpr std::size_t kCacheVerdicts = static_cast<std::size_t>(CacheVerdict::count_);

[[nodiscard]] std::string_view name_of(CacheVerdict verdict);  // "HIT" ...; empty: none

struct CacheOutcome {
  CacheVerdict verdict = CacheVerdict::none;
  std::string_view forward{};         // of RFC 9211 2.2: "uri-miss", "stale", "request" ...; empty: a hit
  std::uint16_t forward_status = 0;   // of the server's answer where another one is given; 0: not told
  std::optional<std::int64_t> ttl{};  // seconds
  bool stored = false;
  bool collapsed = false;     // it has waited for another request's answer
  std::string_view detail{};  // a literal
};

// `name`: of this cache, a token.
[[nodiscard]] std::string cache_status(std::string_view name, const CacheOutcome& outcome);
// The same into `room`; empty: there is not enough of it. kCacheStatusRoom is enough for this edge's own words.
inline constexpr std::size_t kCacheStatusRoom = 320;
[[nodiscard]] std::string_view write_cache_status(std::span<char> room, std::string_view name,
                                                  const CacheOutcome& outcome);

}  // namespace edge
