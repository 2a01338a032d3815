#include "dns/core/wire/cookie.h"

#include <algorithm>
#include <cstring>

#include "dns/core/wire/wire.h"

namespace dns {

namespace {

// RFC 9018 section 4.3, in seconds.
constexpr std::int32_t kMaxAge = 3600;
constexpr std::int32_t kMaxAhead = 300;  // other nodes' clocks
constexpr std::int32_t kRenewAge = 1800;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSigned = 16;  // octets of the option that the hash covers
constexpr std::size_t kTimeAt = 12;

// The hash over the first 16 octets of the option and the address (section 4.4).
std::uint64_t sign(const shared::SipKey& key, std::span<const std::uint8_t> option, const shared::IpAddress& client) {
  std::array<std::uint8_t, kSigned + 16> message;
  const std::size_t address_size = shared::bits_of(client.family) / 8;
  std::copy_n(option.begin(), kSigned, message.begin());
  std::copy_n(client.bytes.begin(), address_size, message.begin() + kSigned);
  return shared::siphash_2_4(key, std::span(message).first(kSigned + address_size));
}

void store_hash(std::uint8_t* at, std::uint64_t hash) {  // little-endian, as the RFC's examples have it
  for (int i = 0; i < 8; ++i) at[i] = static_cast<std::uint8_t>(hash >> (8 * i));
}

std::uint64_t load_hash(const std::uint8_t* at) {
  std::uint64_t hash = 0;
  for (int i = 0; i < 8; ++i) hash |= std::uint64_t{at[i]} << (8 * i);
  return hash;
}

// How old the cookie is by its own word, in serial arithmetic (RFC 1982): negative if it is ahead of us.
std::int32_t age_of(std::span<const std::uint8_t> option, std::uint32_t now) {
  return static_cast<std::int32_t>(now - load_u32(&option[kTimeAt]));
}

bool is_plausible(std::span<const std::uint8_t> option, std::uint32_t now) {
  if (option.size() != kCookieSize || option[kClientCookieSize] != kVersion) return false;
  const std::int32_t age = age_of(option, now);
  return age <= kMaxAge && age >= -kMaxAhead;
}

// Index of the secret that made it; `count` if none did.
unsigned maker_of(const CookieSecrets& secrets, std::span<const std::uint8_t> option, const shared::IpAddress& client) {
  const std::uint64_t shown = load_hash(&option[kSigned]);
  unsigned i = 0;
  while (i < secrets.count && sign(secrets.keys[i], option, client) != shown) ++i;
  return i;
}

}  // namespace

CookieCheck check_cookie(const CookieSecrets& secrets, std::span<const std::uint8_t> option,
                         const shared::IpAddress& client, std::uint32_t now) {
  CookieCheck check;
  if (option.empty() || secrets.count == 0) return check;
  check.state = option.size() == kClientCookieSize ? CookieState::client_only : CookieState::invalid;
  if (is_plausible(option, now)) {
    const unsigned maker = maker_of(secrets, option, client);
    if (maker < secrets.count) check.state = CookieState::valid;
    if (maker == 0 && age_of(option, now) < kRenewAge) {
      std::copy_n(option.begin(), kCookieSize, check.reply.begin());
      return check;
    }
  }
  std::copy_n(option.begin(), kClientCookieSize, check.reply.begin());
  std::memset(&check.reply[kClientCookieSize], 0, 4);
  check.reply[kClientCookieSize] = kVersion;
  store_u32(&check.reply[kTimeAt], now);
  store_hash(&check.reply[kSigned], sign(secrets.keys[0], check.reply, client));
  return check;
}

}  // namespace dns
