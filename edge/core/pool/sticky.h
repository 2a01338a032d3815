#pragma once
// Sticky: sessions that stay with their server by a cookie. A server's token is 128 bits of SipHash over the pool's and
// the server's names under a secret that the edges share: it tells a client nothing, cannot be made up, and means the
// same on every edge and after every restart; nothing is stored for a session. All tokens and whole Set-Cookie values
// are made at build time. Immutable, part of a Pool, any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/siphash.h"

namespace edge {

struct SessionToken {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const SessionToken&) const = default;
};

struct LearnedSessions;

struct Sticky {
  struct Known {
    SessionToken token;
    std::uint16_t server = 0;  // index in Pool::servers
  };
  std::string cookie;                    // its name; empty: sessions are not sticky
  bool while_draining = true;            // sessions stay with a server that drains
  std::vector<Known> known;              // sorted by token: each server under each key
  std::vector<std::string> set_cookies;  // by server: the whole field's value, with the first key's token
  // In place of all of that but `while_draining`: sessions that servers make; null: none.
  std::shared_ptr<const LearnedSessions> learned;

  [[nodiscard]] bool enabled() const { return !cookie.empty(); }
  // The server of a cookie's value; nothing for a value that no key of ours has made.
  [[nodiscard]] std::optional<std::uint16_t> find(std::string_view value) const;
};

enum class SameSite : std::uint8_t { lax, strict, none };

struct StickySettings {
  std::string cookie;
  std::string path = "/";
  std::string domain;  // empty: the host that was asked
  SameSite same_site = SameSite::lax;
  bool secure = true;
  bool http_only = true;
  std::optional<std::uint64_t> max_age;  // seconds; none: until the browser closes
  bool while_draining = true;
  std::span<const shared::SipKey> keys;  // the first makes tokens, all are understood
};

// REQUIRES: at least one key.
[[nodiscard]] Sticky make_sticky(const StickySettings& settings, std::string_view pool,
                                 std::span<const std::string_view> servers);

[[nodiscard]] SessionToken session_token(const shared::SipKey& key, std::string_view pool, std::string_view server);
// 32 hex digits and back; nothing for anything else.
[[nodiscard]] std::string to_text(const SessionToken& token);
[[nodiscard]] std::optional<SessionToken> parse_session_token(std::string_view text);

}  // namespace edge
