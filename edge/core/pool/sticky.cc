#include "edge/core/pool/sticky.h"

#include "shared/core/ascii.h"

#include <algorithm>

namespace edge {
namespace {

constexpr std::size_t kDigits = 32;

// The half says which 64 of the 128 bits; lengths keep "a" + "bc" and "ab" + "c" apart.
std::uint64_t half_token(const shared::SipKey& key, std::uint8_t half, std::string_view pool, std::string_view server) {
  std::vector<std::uint8_t> message{half, static_cast<std::uint8_t>(pool.size() & 0xFFU),
                                    static_cast<std::uint8_t>(pool.size() >> 8U)};
  message.insert(message.end(), pool.begin(), pool.end());
  message.insert(message.end(), server.begin(), server.end());
  return shared::siphash_2_4(key, message);
}

std::optional<std::uint64_t> parse_half(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && (c < '0' || c > '9')) return std::nullopt;
    value = value << 4U | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
  }
  return value;
}

std::string_view text_of(SameSite same_site) {
  switch (same_site) {
    case SameSite::lax:
      return "Lax";
    case SameSite::strict:
      return "Strict";
    case SameSite::none:
      break;
  }
  return "None";
}

// RFC 6265bis 4.1.
std::string set_cookie(const StickySettings& settings, const SessionToken& token) {
  std::string out = settings.cookie + "=" + to_text(token) + "; Path=" + settings.path;
  if (!settings.domain.empty()) out += "; Domain=" + settings.domain;
  if (settings.max_age) out += "; Max-Age=" + std::to_string(*settings.max_age);
  out += "; SameSite=";
  out += text_of(settings.same_site);
  if (settings.secure) out += "; Secure";
  if (settings.http_only) out += "; HttpOnly";
  return out;
}

}  // namespace

SessionToken session_token(const shared::SipKey& key, std::string_view pool, std::string_view server) {
  return {half_token(key, 0, pool, server), half_token(key, 1, pool, server)};
}

std::string to_text(const SessionToken& token) {
  std::string out(kDigits, '0');
  for (std::size_t i = 0; i < kDigits; ++i) {
    const std::uint64_t word = i < kDigits / 2 ? token.high : token.low;
    out[i] = shared::kHexDigits[(word >> (60 - 4 * (i % (kDigits / 2)))) & 15U];
  }
  return out;
}

std::optional<SessionToken> parse_session_token(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  const auto high = parse_half(text.substr(0, kDigits / 2));
  const auto low = parse_half(text.substr(kDigits / 2));
  if (!high || !low) return std::nullopt;
  return SessionToken{*high, *low};
}

std::optional<std::uint16_t> Sticky::find(std::string_view value) const {
  const auto token = parse_session_token(value);
  if (!token) return std::nullopt;
  const auto found = std::lower_bound(known.begin(), known.end(), *token,
                                      [](const Known& one, const SessionToken& wanted) { return one.token < wanted; });
  if (found == known.end() || found->token != *token) return std::nullopt;
  return found->server;
}

Sticky make_sticky(const StickySettings& settings, std::string_view pool, std::span<const std::string_view> servers) {
  Sticky sticky;
  sticky.cookie = settings.cookie;
  sticky.while_draining = settings.while_draining;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (const shared::SipKey& key : settings.keys) {
      sticky.known.push_back({session_token(key, pool, servers[i]), static_cast<std::uint16_t>(i)});
    }
    sticky.set_cookies.push_back(set_cookie(settings, session_token(settings.keys.front(), pool, servers[i])));
  }
  std::sort(sticky.known.begin(), sticky.known.end(),
            [](const Sticky::Known& a, const Sticky::Known& b) { return a.token < b.token; });
  return sticky;
}

}  // namespace edge
