#pragma once
// IpAddress and Prefix: IPv4 and IPv6 addresses as values. An IPv4 address keeps its 4 bytes at the front of `bytes`,
// the rest is zero; so a bit index counts from the first bit of the address in both families. Value types, any thread.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace shared {

enum class Family : std::uint8_t { ipv4, ipv6 };

[[nodiscard]] constexpr std::uint8_t bits_of(Family family) { return family == Family::ipv4 ? 32 : 128; }

struct IpAddress {
  Family family = Family::ipv4;
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static IpAddress v4(std::uint32_t host_order);
  [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // Strict textual forms of inet_pton(3); no zone index, no brackets.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] std::uint32_t v4_value() const;  // host order; REQUIRES: family is ipv4
  [[nodiscard]] bool bit(unsigned index) const { return ((bytes[index / 8] >> (7 - index % 8)) & 1) != 0; }
  // The address with all bits after the first `length` zeroed.
  [[nodiscard]] IpAddress masked(unsigned length) const;
  [[nodiscard]] std::string to_string() const;  // RFC 5952 for IPv6

  auto operator<=>(const IpAddress&) const = default;
};

struct Prefix {
  IpAddress address;        // bits past `length` are zero
  std::uint8_t length = 0;  // 0..32 or 0..128

  // "203.0.113.0/24"; a bare address is a host prefix. Bits set past the length are an error that names the right form.
  [[nodiscard]] static Result<Prefix> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] bool contains(const Prefix& other) const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;
};

// An IPv4 address inside an IPv6 one: ::ffff:0:0/96 (RFC 4291), 64:ff9b::/96 (RFC 6052), 2002::/16 (6to4, RFC 3056) and
// 2001:0::/32 (Teredo, RFC 4380; the client's address is stored inverted).
struct EmbeddedIpv4 {
  IpAddress address;
  std::uint8_t shift;  // bits of the IPv6 address before the IPv4 one: scope in IPv6 = scope in IPv4 + shift
};
[[nodiscard]] std::optional<EmbeddedIpv4> embedded_ipv4(const IpAddress& address);

// An address and a port: "192.0.2.1:53", "[2001:db8::1]:53".
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace shared
