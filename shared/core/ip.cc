#include "shared/core/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace shared {
namespace {

// Decimal without sign, space or leading zero; nothing above `limit`.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned limit) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

bool starts_with_bytes(const IpAddress& address, std::initializer_list<std::uint8_t> start) {
  return std::equal(start.begin(), start.end(), address.bytes.begin());
}

IpAddress v4_at(const IpAddress& address, std::size_t offset, std::uint8_t flip) {
  IpAddress out;
  for (std::size_t i = 0; i < 4; ++i) out.bytes[i] = static_cast<std::uint8_t>(address.bytes[offset + i] ^ flip);
  return out;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress out;
  for (unsigned i = 0; i < 4; ++i) out.bytes[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return out;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) { return IpAddress{Family::ipv6, bytes}; }

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  IpAddress out;
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) return out;
  out.family = Family::ipv6;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::uint32_t IpAddress::v4_value() const {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

IpAddress IpAddress::masked(unsigned length) const {
  IpAddress out = *this;
  for (unsigned i = 0; i < out.bytes.size(); ++i) {
    const unsigned first_bit = i * 8;
    if (first_bit >= length) {
      out.bytes[i] = 0;
    } else if (first_bit + 8 > length) {
      out.bytes[i] = static_cast<std::uint8_t>(out.bytes[i] & (0xFF << (first_bit + 8 - length)));
    }
  }
  return out;
}

std::string IpAddress::to_string() const {
  if (family == Family::ipv4) {  // by hand: each request's log line wants it
    std::array<char, 15> digits;
    char* at = digits.data();
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *at++ = '.';
      at = std::to_chars(at, digits.data() + digits.size(), bytes[i]).ptr;
    }
    return {digits.data(), at};
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return fail("'" + std::string(text) + "' is not an address or a prefix such as 203.0.113.0/24");
  const unsigned most = bits_of(address->family);
  if (slash == std::string_view::npos) return Prefix{*address, static_cast<std::uint8_t>(most)};
  const auto length = parse_decimal(text.substr(slash + 1), most);
  if (!length) return fail("'" + std::string(text) + "': the prefix length must be 0 to " + std::to_string(most));
  const Prefix prefix{address->masked(*length), static_cast<std::uint8_t>(*length)};
  if (prefix.address != *address) {
    return fail("'" + std::string(text) + "' has bits set past its length; did you mean " + prefix.to_string() + "?");
  }
  return prefix;
}

bool Prefix::contains(const IpAddress& other) const {
  return other.family == address.family && other.masked(length) == address;
}

bool Prefix::contains(const Prefix& other) const { return other.length >= length && contains(other.address); }

std::string Prefix::to_string() const { return address.to_string() + "/" + std::to_string(length); }

std::optional<EmbeddedIpv4> embedded_ipv4(const IpAddress& address) {
  if (address.family != Family::ipv6) return std::nullopt;
  if (starts_with_bytes(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) ||
      starts_with_bytes(address, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return EmbeddedIpv4{v4_at(address, 12, 0), 96};
  }
  if (starts_with_bytes(address, {0x20, 0x02})) return EmbeddedIpv4{v4_at(address, 2, 0), 16};
  if (starts_with_bytes(address, {0x20, 0x01, 0, 0})) return EmbeddedIpv4{v4_at(address, 12, 0xFF), 96};
  return std::nullopt;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_decimal(text.substr(colon + 1), 65535);
  if (!address || !port || bracketed != (address->family == Family::ipv6)) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.family == Family::ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace shared
