#pragma once
// The record types that zone files say by name: what fields the data of each has, in their order. One reader and one
// check for each kind of field (rdata_fields.h, rdata_wire.h) make every type strict that is made of it. Constants, any
// thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dns {

// How a field is written, and what it is on the wire.
enum class Field : std::uint8_t {
  end,  // after the last one
  u8,   // a number of 8 bits, and so on
  u16,
  u32,
  u64,
  period,     // 32 bits: seconds, or with units
  timestamp,  // 32 bits: YYYYMMDDHHmmSS or seconds (RFC 4034 section 3.2)
  algorithm,  // 8 bits: a DNSSEC algorithm by number or mnemonic (RFC 4034 appendix A.1)
  cert_type,  // 16 bits: by number or mnemonic (RFC 4398 section 2.1)
  scheme,     // 8 bits: by number or NOTIFY (RFC 9859)
  type,       // 16 bits: a record type by name or TYPEn
  name,
  ipv4,
  ipv6,
  string,  // one character-string
  optional_string,
  strings,         // all that is left, at least one character-string
  tag,             // a character-string of letters and digits (RFC 8659 section 4.1)
  digits,          // a character-string of four digits or more (RFC 1183 section 3.1)
  regexp,          // a character-string, empty or a substitution (RFC 3402 section 3.2)
  text,            // one string without a length octet
  hex,             // all that is left, not empty
  base64,          // all that is left, not empty
  base64_or_none,  // all that is left
  base64_word,     // one word, "-" for nothing
  salt,            // length and hex, "-" for none (RFC 5155 section 3.3)
  next_hash,       // length and base32hex (RFC 5155 section 3.3)
  type_bitmap,     // all that is left (RFC 4034 section 4.1.2)
  eui48,           // hexadecimal octets with dashes (RFC 7043)
  eui64,
  locator64,      // four groups of hexadecimal digits with colons (RFC 6742)
  nsap,           // 0x and hexadecimal digits with dots between (RFC 1706)
  location,       // LOC (RFC 1876), all of it
  prefixes,       // APL (RFC 3123)
  services,       // WKS: protocol and ports (RFC 1035 section 3.4.2)
  ipsec_gateway,  // gateway type, algorithm, gateway, key (RFC 4025)
  relay,          // D, type, relay (RFC 8777)
  host_identity,  // HIP, all of it (RFC 8005)
  service,        // SvcParams (RFC 9460)
  opaque,         // anything, but only as \# (RFC 3597)
};

struct RdataType {
  std::uint16_t number = 0;
  std::string_view name;
  std::array<Field, 10> fields{};  // ends with Field::end
};

// nullptr: nothing is known of the type but its number.
[[nodiscard]] const RdataType* find_rdata_type(std::uint16_t number);

// "MX", "TYPE65400" (RFC 3597), in any case; nothing for what is no type's name.
[[nodiscard]] std::optional<std::uint16_t> type_from_text(std::string_view text);
[[nodiscard]] std::string type_to_text(std::uint16_t type);

}  // namespace dns
