#pragma once
// For tests: builds query packets and reads reply packets without the code under test, and makes zones from a few
// lines. QueryBuilder and ParsedReply know the wire format by themselves, so that an error in dns/core cannot hide
// itself.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/wire/wire.h"
#include "dns/core/zone/zone.h"
#include "dns/core/zone/zone_builder.h"

namespace test {

using Bytes = std::vector<std::uint8_t>;

// "www.example.com" -> wire form, case kept. No escapes. "." or "": the root.
[[nodiscard]] Bytes wire_name(std::string_view text);
void append_u16(Bytes& bytes, unsigned value);
void append_u32(Bytes& bytes, std::uint32_t value);
void append(Bytes& bytes, std::span<const std::uint8_t> more);
[[nodiscard]] Bytes from_hex(std::string_view hex);  // blanks are ignored

struct QueryBuilder {
  std::string name = "www.example.com";
  dns::RrType type = dns::RrType::a;
  unsigned klass = 1;
  std::uint16_t id = 0x1234;
  std::uint16_t flags = 0;
  bool edns = false;
  unsigned udp_size = 1232;
  unsigned version = 0;
  unsigned edns_flags = 0;
  Bytes options;  // complete options, in order

  QueryBuilder& with_edns(unsigned size = 1232) {
    edns = true;
    udp_size = size;
    return *this;
  }
  QueryBuilder& option(unsigned code, std::span<const std::uint8_t> data);
  QueryBuilder& option(unsigned code, std::string_view hex) { return option(code, from_hex(hex)); }
  // "198.51.100.0/24": the address cut to ceil(source / 8) octets, bits as given.
  QueryBuilder& subnet(std::string_view prefix);
  [[nodiscard]] Bytes question() const;
  [[nodiscard]] Bytes opt() const;
  [[nodiscard]] Bytes build() const;
};

// One RR of a reply as a line of a master file: "www.example.com. 300 IN A 192.0.2.1"; names in RDATA are written out
// for NS, CNAME, DNAME, PTR, MX, SRV and SOA; A and AAAA as addresses; TXT quoted; the rest in hex.
struct ParsedReply {
  bool sound = false;  // every name, count and length is right and nothing is left over
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  Bytes question;  // as it stands in the reply
  std::vector<std::string> answer;
  std::vector<std::string> authority;
  std::vector<std::string> additional;  // without the OPT
  bool has_opt = false;
  unsigned opts = 0;
  unsigned udp_size = 0;
  std::uint32_t opt_ttl = 0;
  struct Option {
    unsigned code = 0;
    Bytes data;
  };
  std::vector<Option> options;

  [[nodiscard]] unsigned rcode() const { return (flags & 0xFU) | ((opt_ttl >> 24) << 4); }
  [[nodiscard]] bool aa() const { return (flags & dns::kFlagAa) != 0; }
  [[nodiscard]] bool tc() const { return (flags & dns::kFlagTc) != 0; }
  [[nodiscard]] std::optional<Bytes> option(unsigned code) const;
  [[nodiscard]] std::optional<unsigned> ede() const;
};
[[nodiscard]] ParsedReply parse_reply(std::span<const std::uint8_t> packet);

// One record in presentation form: "www 300 A 192.0.2.1" (owner relative to the apex, "@" for the apex, absolute with a
// final dot; names in RDATA likewise). Types: A AAAA NS CNAME DNAME PTR MX SRV TXT SOA and "TYPEn \# hex".
struct ZoneText {
  std::string apex = "example.com";
  std::vector<std::string> lines;
  struct PolicyLine {
    std::string owner;
    std::uint32_t id = 0;
    dns::SteeredTypes types{};
  };
  std::vector<PolicyLine> policies;
};
// Adds all lines; an add() that fails becomes a problem with its text. `where` is the line's number from 1.
[[nodiscard]] dns::BuiltZone build_zone(const ZoneText& text);
// The same, must succeed.
[[nodiscard]] std::shared_ptr<const dns::Zone> zone_of(const ZoneText& text);

}  // namespace test
