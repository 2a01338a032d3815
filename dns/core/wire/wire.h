#pragma once
// The numbers of the DNS wire format, by their IANA names, and big-endian loads and stores. Enumerations are open: a
// value without a name is a type (class, option ...) that we do not treat in a special way. Pure, any thread.

#include <cstddef>
#include <cstdint>

namespace dns {

enum class RrType : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  hinfo = 13,
  mx = 15,
  txt = 16,
  sig = 24,
  key = 25,
  aaaa = 28,
  srv = 33,
  dname = 39,
  opt = 41,
  ds = 43,
  rrsig = 46,
  nsec = 47,
  dnskey = 48,
  nsec3 = 50,
  nsec3param = 51,
  cds = 59,
  cdnskey = 60,
  svcb = 64,
  https = 65,
  nxname = 128,  // RFC 9824: first of the meta types
  tkey = 249,
  tsig = 250,
  ixfr = 251,
  axfr = 252,
  mailb = 253,
  maila = 254,
  any = 255,
  caa = 257,
};

enum class RrClass : std::uint16_t { in = 1, ch = 3, none = 254, any = 255 };

enum class Opcode : std::uint8_t { query = 0, iquery = 1, status = 2, notify = 4, update = 5 };

// Values over 15 need an OPT record for their upper eight bits.
enum class Rcode : std::uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  notauth = 9,
  badvers = 16,
  badcookie = 23,
};

enum class OptionCode : std::uint16_t {
  nsid = 3,
  client_subnet = 8,
  cookie = 10,
  tcp_keepalive = 11,
  padding = 12,
  ede = 15
};

// Extended DNS errors (RFC 8914).
enum class EdeCode : std::uint16_t {
  other = 0,
  not_ready = 14,
  prohibited = 18,
  not_authoritative = 20,
  not_supported = 21
};

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxNameSize = 255;  // octets with all length octets (RFC 1035 2.3.4)
inline constexpr std::size_t kMaxLabelSize = 63;
inline constexpr std::size_t kMaxLabels = 127;
inline constexpr std::size_t kMaxMessageSize = 65535;
inline constexpr std::size_t kMinUdpSize = 512;   // RFC 1035 2.3.4; also the least that EDNS can say (RFC 6891 6.2.3)
inline constexpr std::size_t kRrFixedSize = 10;   // type, class, TTL, RDLENGTH: what follows an owner
inline constexpr std::size_t kOptFixedSize = 11;  // root owner and the fixed part
inline constexpr std::uint16_t kPointerMask = 0xC000;  // top bits of a compression pointer
inline constexpr std::size_t kMaxPointerTarget = 0x3FFF;

// Bits of the header's second 16-bit word.
inline constexpr std::uint16_t kFlagQr = 0x8000;
inline constexpr std::uint16_t kFlagAa = 0x0400;
inline constexpr std::uint16_t kFlagTc = 0x0200;
inline constexpr std::uint16_t kFlagRd = 0x0100;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr std::uint16_t kEdnsFlagDo = 0x8000;  // of the OPT record's lower 16 TTL bits

[[nodiscard]] constexpr std::uint16_t load_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>((at[0] << 8) | at[1]);
}

[[nodiscard]] constexpr std::uint32_t load_u32(const std::uint8_t* at) {
  return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) | (std::uint32_t{at[2]} << 8) | at[3];
}

constexpr void store_u16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

constexpr void store_u32(std::uint8_t* at, std::uint32_t value) {
  store_u16(at, static_cast<std::uint16_t>(value >> 16));
  store_u16(at + 2, static_cast<std::uint16_t>(value));
}

}  // namespace dns
