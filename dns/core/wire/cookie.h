#pragma once
// DNS cookies (RFC 7873) with the interoperable server cookie of RFC 9018 section 4: whoever shows one has received at
// the address that it asks from, so its source is not forged. Nothing is stored for a client:
//
//   client cookie 8 | version 1 | reserved 3 | time 4 | SipHash-2-4(secret, all before | client's address) 8
//
// Pure, any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shared/core/ip.h"
#include "shared/core/siphash.h"

namespace dns {

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kCookieSize = 24;  // of the option that we send: the client's cookie and ours

// Nodes that serve one address share them, so that a client may meet any node. Roll-over (RFC 9018 section 5): a new
// secret is added as the second, then becomes the first, then the old one goes; each step reaches all nodes first.
struct CookieSecrets {
  std::array<shared::SipKey, 2> keys{};  // the first one makes cookies, both make one good
  unsigned count = 0;                    // 0: no cookies are spoken
};

enum class CookieState : std::uint8_t {
  none,         // no option, or we speak no cookies
  client_only,  // the client does not know ours yet
  invalid,      // not ours, too old, or of another address
  valid,
};
inline constexpr std::size_t kCookieStates = 4;

struct CookieCheck {
  CookieState state = CookieState::none;
  std::array<std::uint8_t, kCookieSize> reply;  // REQUIRES: state is not none; what goes back
};

// RFC 7873 section 4: a client cookie, alone or followed by a server cookie of 8 to 32 octets.
[[nodiscard]] constexpr bool is_cookie_size(std::size_t size) {
  return size == kClientCookieSize || (size >= 16 && size <= 40);
}

// `option`: empty if there was none. `now`: seconds since 1970. A good cookie goes back as it came until it is half an
// hour old; all else is answered with a new one.
[[nodiscard]] CookieCheck check_cookie(const CookieSecrets& secrets, std::span<const std::uint8_t> option,
                                       const shared::IpAddress& client, std::uint32_t now);

}  // namespace dns
