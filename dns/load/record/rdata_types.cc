#include "dns/load/record/rdata_types.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "dns/load/record/text_codec.h"
#include "shared/core/ascii.h"

namespace dns {

namespace {

using enum Field;

// By number. The registry: https://www.iana.org/assignments/dns-parameters
constexpr RdataType kTypes[] = {
    {1, "A", {ipv4}},
    {2, "NS", {name}},
    {3, "MD", {name}},
    {4, "MF", {name}},
    {5, "CNAME", {name}},
    {6, "SOA", {name, name, u32, period, period, period, period}},
    {7, "MB", {name}},
    {8, "MG", {name}},
    {9, "MR", {name}},
    {10, "NULL", {opaque}},
    {11, "WKS", {ipv4, services}},
    {12, "PTR", {name}},
    {13, "HINFO", {string, string}},
    {14, "MINFO", {name, name}},
    {15, "MX", {u16, name}},
    {16, "TXT", {strings}},
    {17, "RP", {name, name}},
    {18, "AFSDB", {u16, name}},
    {19, "X25", {digits}},
    {20, "ISDN", {string, optional_string}},
    {21, "RT", {u16, name}},
    {22, "NSAP", {nsap}},
    {23, "NSAP-PTR", {name}},
    {24, "SIG", {type, algorithm, u8, u32, timestamp, timestamp, u16, name, base64}},
    {25, "KEY", {u16, u8, algorithm, base64_or_none}},
    {26, "PX", {u16, name, name}},
    {27, "GPOS", {string, string, string}},
    {28, "AAAA", {ipv6}},
    {29, "LOC", {location}},
    {30, "NXT", {opaque}},
    {31, "EID", {hex}},
    {32, "NIMLOC", {hex}},
    {33, "SRV", {u16, u16, u16, name}},
    {34, "ATMA", {opaque}},
    {35, "NAPTR", {u16, u16, string, string, regexp, name}},
    {36, "KX", {u16, name}},
    {37, "CERT", {cert_type, u16, algorithm, base64}},
    {38, "A6", {opaque}},
    {39, "DNAME", {name}},
    {40, "SINK", {opaque}},
    {42, "APL", {prefixes}},
    {43, "DS", {u16, algorithm, u8, hex}},
    {44, "SSHFP", {u8, u8, hex}},
    {45, "IPSECKEY", {u8, ipsec_gateway}},
    {46, "RRSIG", {type, algorithm, u8, u32, timestamp, timestamp, u16, name, base64}},
    {47, "NSEC", {name, type_bitmap}},
    {48, "DNSKEY", {u16, u8, algorithm, base64}},
    {49, "DHCID", {base64}},
    {50, "NSEC3", {u8, u8, u16, salt, next_hash, type_bitmap}},
    {51, "NSEC3PARAM", {u8, u8, u16, salt}},
    {52, "TLSA", {u8, u8, u8, hex}},
    {53, "SMIMEA", {u8, u8, u8, hex}},
    {55, "HIP", {host_identity}},
    {56, "NINFO", {strings}},
    {57, "RKEY", {u16, u8, algorithm, base64}},
    {58, "TALINK", {name, name}},
    {59, "CDS", {u16, algorithm, u8, hex}},
    {60, "CDNSKEY", {u16, u8, algorithm, base64}},
    {61, "OPENPGPKEY", {base64}},
    {62, "CSYNC", {u32, u16, type_bitmap}},
    {63, "ZONEMD", {u32, u8, u8, hex}},
    {64, "SVCB", {u16, name, service}},
    {65, "HTTPS", {u16, name, service}},
    {66, "DSYNC", {type, scheme, u16, name}},
    {99, "SPF", {strings}},
    {100, "UINFO", {opaque}},
    {101, "UID", {opaque}},
    {102, "GID", {opaque}},
    {103, "UNSPEC", {opaque}},
    {104, "NID", {u16, locator64}},
    {105, "L32", {u16, ipv4}},
    {106, "L64", {u16, locator64}},
    {107, "LP", {u16, name}},
    {108, "EUI48", {eui48}},
    {109, "EUI64", {eui64}},
    {256, "URI", {u16, u16, text}},
    {257, "CAA", {u8, tag, text}},
    {258, "AVC", {strings}},
    {259, "DOA", {u32, u32, u8, string, base64_word}},
    {260, "AMTRELAY", {u8, relay}},
    {261, "RESINFO", {strings}},
    {262, "WALLET", {strings}},
    {263, "CLA", {strings}},
    {264, "IPN", {u64}},
    {32768, "TA", {u16, algorithm, u8, hex}},
    {32769, "DLV", {u16, algorithm, u8, hex}},
};

// Questions and wrappers. A zone file that says one of them hears from ZoneBuilder that it is not data.
struct MetaType {
  std::uint16_t number = 0;
  std::string_view name;
};
constexpr MetaType kMetaTypes[] = {{41, "OPT"},   {128, "NXNAME"}, {249, "TKEY"},  {250, "TSIG"}, {251, "IXFR"},
                                   {252, "AXFR"}, {253, "MAILB"},  {254, "MAILA"}, {255, "ANY"}};

struct AnyCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return shared::lower(x) < shared::lower(y); });
  }
};

const std::map<std::string_view, std::uint16_t, AnyCase>& numbers_by_name() {
  static const auto numbers = [] {
    std::map<std::string_view, std::uint16_t, AnyCase> out;
    for (const RdataType& row : kTypes) out.emplace(row.name, row.number);
    for (const MetaType& row : kMetaTypes) out.emplace(row.name, row.number);
    return out;
  }();
  return numbers;
}

}  // namespace

const RdataType* find_rdata_type(std::uint16_t number) {
  const auto* const found =
      std::lower_bound(std::begin(kTypes), std::end(kTypes), number,
                       [](const RdataType& row, std::uint16_t wanted) { return row.number < wanted; });
  return found != std::end(kTypes) && found->number == number ? found : nullptr;
}

std::optional<std::uint16_t> type_from_text(std::string_view text) {
  if (text == "A") return std::uint16_t{1};
  if (text == "AAAA") return std::uint16_t{28};
  if (text.size() > 4 && shared::equals_ignoring_case(text.substr(0, 4), "TYPE")) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
  const auto found = numbers_by_name().find(text);
  if (found == numbers_by_name().end()) return std::nullopt;
  return found->second;
}

std::string type_to_text(std::uint16_t type) {
  if (const RdataType* const row = find_rdata_type(type)) return std::string(row->name);
  for (const MetaType& row : kMetaTypes) {
    if (row.number == type) return std::string(row.name);
  }
  return "TYPE" + std::to_string(type);
}

}  // namespace dns
