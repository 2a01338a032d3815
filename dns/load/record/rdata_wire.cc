#include "dns/load/record/rdata_wire.h"

#include <algorithm>

#include "dns/core/wire/name.h"
#include "dns/load/record/service_params.h"

namespace dns {

namespace {

using Rest = std::span<const std::uint8_t>;

// Each takes its field from the front of `rest`. False: it is not there.
bool skip(Rest& rest, std::size_t octets) {
  if (rest.size() < octets) return false;
  rest = rest.subspan(octets);
  return true;
}

bool skip_name(Rest& rest) {
  const std::size_t size = name_length(rest);
  return size > 0 && skip(rest, size);
}

bool skip_string(Rest& rest) { return !rest.empty() && skip(rest, rest[0] + std::size_t{1}); }

bool skip_all(Rest& rest) { return skip(rest, rest.size()); }

bool skip_strings(Rest& rest) {
  do {
    if (!skip_string(rest)) return false;
  } while (!rest.empty());
  return true;
}

bool skip_digits(Rest& rest) {
  constexpr std::size_t kLeast = 4;
  if (rest.empty() || rest[0] < kLeast || rest.size() <= rest[0]) return false;
  const Rest digits = rest.subspan(1, rest[0]);
  return std::all_of(digits.begin(), digits.end(), [](std::uint8_t c) { return c >= '0' && c <= '9'; }) &&
         skip_string(rest);
}

// A delimiter, which is no digit, flag or backslash, the expression, the delimiter, the replacement, the delimiter, and
// perhaps the flag i.
bool skip_regexp(Rest& rest) {
  const Rest whole = rest;
  if (!skip_string(rest)) return false;
  const Rest text = whole.subspan(1, whole[0]);
  if (text.empty()) return true;
  const std::uint8_t delimiter = text[0];
  if (delimiter == '\\' || delimiter == 'i' || delimiter == 0 || (delimiter >= '1' && delimiter <= '9')) return false;
  unsigned delimiters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (delimiters == 3 && text[i] != 'i') return false;
    if (text[i] == delimiter) ++delimiters;
    if (text[i] == '\\') ++i;
  }
  return delimiters == 3;
}

bool skip_tag(Rest& rest) {
  if (rest.empty() || rest[0] == 0 || rest.size() <= rest[0]) return false;
  const Rest tag = rest.subspan(1, rest[0]);
  return std::all_of(
             tag.begin(), tag.end(),
             [](std::uint8_t c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }) &&
         skip_string(rest);
}

// RFC 4034 section 4.1.2: windows in ascending order, 1 to 32 octets each, the last not zero.
bool skip_types(Rest& rest) {
  for (int last = -1; !rest.empty();) {
    if (rest.size() < 2 || rest[0] <= last || rest[1] == 0 || rest[1] > 32 || rest.size() < rest[1] + 2U) return false;
    if (rest[rest[1] + 1U] == 0) return false;
    last = rest[0];
    if (!skip(rest, rest[1] + 2U)) return false;
  }
  return true;
}

bool skip_gateway(Rest& rest, unsigned type) {
  return type == 0 ? true : type == 1 ? skip(rest, 4) : type == 2 ? skip(rest, 16) : type == 3 && skip_name(rest);
}

bool skip_ipsec_gateway(Rest& rest) {
  if (rest.size() < 2) return false;
  const unsigned type = rest[0];
  const unsigned algorithm = rest[1];
  return skip(rest, 2) && skip_gateway(rest, type) && rest.empty() == (algorithm == 0) && skip_all(rest);
}

bool skip_relay(Rest& rest) {
  if (rest.empty()) return false;
  const unsigned type = rest[0] & 0x7F;
  return skip(rest, 1) && skip_gateway(rest, type);
}

bool skip_host_identity(Rest& rest) {
  if (rest.size() < 4 || rest[0] == 0) return false;
  const std::size_t keys = rest[0] + std::size_t{load_u16(&rest[2])};
  if (!skip(rest, 4) || !skip(rest, keys)) return false;
  while (!rest.empty()) {
    if (!skip_name(rest)) return false;
  }
  return true;
}

bool skip_prefixes(Rest& rest) {
  while (!rest.empty()) {
    if (rest.size() < 4) return false;
    const unsigned family = load_u16(rest.data());
    const std::size_t size = rest[3] & 0x7FU;
    const unsigned bits = family == 1 ? 32 : 128;
    if ((family != 1 && family != 2) || rest[2] > bits || size > bits / 8) return false;
    if (rest.size() < 4 + size || (size > 0 && rest[3 + size] == 0)) return false;
    if (!skip(rest, 4 + size)) return false;
  }
  return true;
}

// RFC 1876 section 2: each extent a digit and a power of ten. Nothing is known of other versions than 0.
bool skip_location(Rest& rest) {
  if (!rest.empty() && rest[0] != 0) return skip_all(rest);
  if (rest.size() < 16) return false;
  const auto is_extent = [](std::uint8_t value) { return value >> 4 <= 9 && (value & 15) <= 9; };
  const auto within = [](std::uint32_t angle, std::uint32_t degrees) {
    const std::int64_t from_zero = std::int64_t{angle} - (std::int64_t{1} << 31);
    return from_zero <= std::int64_t{degrees} * 3'600'000 && -from_zero <= std::int64_t{degrees} * 3'600'000;
  };
  return is_extent(rest[1]) && is_extent(rest[2]) && is_extent(rest[3]) && within(load_u32(&rest[4]), 90) &&
         within(load_u32(&rest[8]), 180) && skip(rest, 16);
}

bool skip_service(Rest& rest) { return !service_params_problem(rest) && skip_all(rest); }

// Octets of a field that has always so many; 0: of another.
std::size_t fixed_size(Field field) {
  switch (field) {
    case Field::u8:
    case Field::algorithm:
    case Field::scheme:
      return 1;
    case Field::u16:
    case Field::cert_type:
    case Field::type:
      return 2;
    case Field::u32:
    case Field::period:
    case Field::timestamp:
    case Field::ipv4:
      return 4;
    case Field::eui48:
      return 6;
    case Field::u64:
    case Field::eui64:
    case Field::locator64:
      return 8;
    case Field::ipv6:
      return 16;
    default:
      return 0;
  }
}

bool skip_field(Rest& rest, Field field) {
  if (const std::size_t size = fixed_size(field); size > 0) return skip(rest, size);
  switch (field) {
    case Field::name:
      return skip_name(rest);
    case Field::string:
    case Field::salt:
      return skip_string(rest);
    case Field::optional_string:
      return rest.empty() || skip_string(rest);
    case Field::next_hash:
      return !rest.empty() && rest[0] > 0 && skip_string(rest);
    case Field::strings:
      return skip_strings(rest);
    case Field::digits:
      return skip_digits(rest);
    case Field::regexp:
      return skip_regexp(rest);
    case Field::tag:
      return skip_tag(rest);
    case Field::hex:
    case Field::base64:
    case Field::nsap:
      return !rest.empty() && skip_all(rest);
    case Field::text:
    case Field::base64_or_none:
    case Field::base64_word:
    case Field::opaque:
      return skip_all(rest);
    case Field::type_bitmap:
      return skip_types(rest);
    case Field::location:
      return skip_location(rest);
    case Field::prefixes:
      return skip_prefixes(rest);
    case Field::services:
      return rest.size() <= 1 + 8192 && skip(rest, 1) && skip_all(rest);
    case Field::ipsec_gateway:
      return skip_ipsec_gateway(rest);
    case Field::relay:
      return skip_relay(rest);
    case Field::host_identity:
      return skip_host_identity(rest);
    case Field::service:
      return skip_service(rest);
    default:
      return false;
  }
}

const char* problem_of(Field field) {
  if (field == Field::digits) return "the number has not four digits or more";
  if (field == Field::regexp)
    return "the expression is not of the form !ERE!REPLACEMENT! with any delimiter (RFC 3402)";
  return "these octets are not the data of this type";
}

// Digests are as long as their algorithm makes them: where its number stands in the data of a type, and how many octets
// a known one has. RFC 4034, 4509, 5933 and 6605 for DS and its kin, RFC 4255 and 6594 for SSHFP, RFC 8976 for ZONEMD.
struct Digest {
  std::string_view type;
  std::size_t algorithm_at = 0;  // the digest follows directly
  std::uint8_t algorithm = 0;
  std::size_t octets = 0;
};
constexpr Digest kDigests[] = {{"DS", 3, 1, 20},    {"DS", 3, 2, 32},    {"DS", 3, 3, 32},     {"DS", 3, 4, 48},
                               {"CDS", 3, 1, 20},   {"CDS", 3, 2, 32},   {"CDS", 3, 3, 32},    {"CDS", 3, 4, 48},
                               {"DLV", 3, 1, 20},   {"DLV", 3, 2, 32},   {"DLV", 3, 3, 32},    {"DLV", 3, 4, 48},
                               {"TA", 3, 1, 20},    {"TA", 3, 2, 32},    {"TA", 3, 3, 32},     {"TA", 3, 4, 48},
                               {"SSHFP", 1, 1, 20}, {"SSHFP", 1, 2, 32}, {"ZONEMD", 5, 1, 48}, {"ZONEMD", 5, 2, 64}};

std::optional<std::string> digest_problem(const RdataType& type, Rest wire) {
  constexpr std::size_t kShortest = 6 + 12;  // RFC 8976 section 2.2.4
  if (type.name == "ZONEMD" && wire.size() < kShortest) return "the digest is shorter than 12 octets";
  for (const Digest& digest : kDigests) {
    if (digest.type != type.name || wire[digest.algorithm_at] != digest.algorithm) continue;
    if (wire.size() == digest.algorithm_at + 1 + digest.octets) return std::nullopt;
    return "the digest has not the " + std::to_string(digest.octets) + " octets of its algorithm";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> wire_problem(const RdataType& type, std::span<const std::uint8_t> wire) {
  Rest rest = wire;
  for (const Field field : type.fields) {
    if (field == Field::end) break;
    if (field == Field::service) {
      if (auto problem = service_params_problem(rest)) return problem;
    }
    if (!skip_field(rest, field)) return problem_of(field);
  }
  if (!rest.empty()) return "these octets are more than the data of this type has";
  return digest_problem(type, wire);
}

}  // namespace dns
