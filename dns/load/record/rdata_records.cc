#include "dns/load/record/rdata_records.h"

#include <netdb.h>

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"
#include "shared/core/ip.h"

namespace dns {

using shared::fail;

namespace {

using shared::is_digit;

// "12.34" times 10^places; nothing if there are more places, or if it is above `largest`.
std::optional<std::int64_t> parse_fixed(std::string_view text, unsigned places, std::int64_t largest) {
  const std::size_t dot = text.find('.');
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  std::string digits(text.substr(0, dot));
  if (digits.empty() || fraction.size() > places || (dot != std::string_view::npos && fraction.empty())) {
    return std::nullopt;
  }
  digits.append(fraction).append(places - fraction.size(), '0');
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  const auto value = parse_decimal(digits, static_cast<std::uint64_t>(largest));
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

constexpr std::int64_t kDegree = 3600 * 1000;  // in thousandths of a second of arc

// d [m [s.sss]] and one of two directions: thousandths of a second, negative for the second direction.
Result<std::int64_t> read_angle(FieldReader& reader, std::string_view directions, std::int64_t degrees) {
  constexpr std::int64_t kMinute = 60 * 1000;
  std::int64_t total = 0;
  for (unsigned part = 0; part < 4; ++part) {
    const auto word = reader.take_word();
    if (!word) return tl::unexpected(word.error());
    const std::size_t direction = word->size() == 1 ? directions.find(word->front()) : std::string_view::npos;
    if (part > 0 && direction != std::string_view::npos) {
      if (total > degrees * kDegree) return fail("an angle is above " + std::to_string(degrees) + " degrees");
      return direction == 0 ? total : -total;
    }
    const auto value = part == 3   ? std::nullopt
                       : part == 2 ? parse_fixed(*word, 3, kMinute - 1)
                                   : parse_fixed(*word, 0, part == 0 ? degrees : 59);
    if (!value)
      return fail(quoted(*word) + " is not degrees, minutes and seconds with " + directions[0] + " or " +
                  directions[1]);
    total += part == 0 ? *value * kDegree : part == 1 ? *value * kMinute : *value;
  }
  return fail("an angle without its direction");
}

// "12.34m": centimetres.
std::optional<std::int64_t> parse_metres(std::string_view text, std::int64_t largest) {
  if (text.ends_with('m') || text.ends_with('M')) text.remove_suffix(1);
  return parse_fixed(text, 2, largest);
}

// One digit and a power of ten (RFC 1876 section 2).
Result<std::uint8_t> read_extent(FieldReader& reader, std::uint8_t standard) {
  if (reader.at_end()) return standard;
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  auto value = parse_metres(*word, 9'000'000'000);
  if (!value) return fail(quoted(*word) + " is not metres from 0 to 90000000.00");
  unsigned exponent = 0;
  for (; *value >= 10; ++exponent) *value /= 10;
  return static_cast<std::uint8_t>(static_cast<unsigned>(*value) << 4 | exponent);
}

Result<void> read_location(FieldReader& reader) {
  constexpr std::int64_t kEquator = std::int64_t{1} << 31;
  constexpr std::int64_t kDatum = 10'000'000;  // centimetres below the reference, where altitudes begin
  const auto latitude = read_angle(reader, "NS", 90);
  if (!latitude) return tl::unexpected(latitude.error());
  const auto longitude = read_angle(reader, "EW", 180);
  if (!longitude) return tl::unexpected(longitude.error());
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  const bool below = word->starts_with('-');
  const auto altitude = parse_metres(below ? word->substr(1) : *word, below ? kDatum : 0xFFFFFFFF - kDatum);
  if (!altitude) return fail(quoted(*word) + " is not an altitude from -100000.00m to 42849672.95m");
  std::array<std::uint8_t, 3> extents{0x12, 0x16, 0x13};  // 1 m, 10 km, 10 m
  for (std::uint8_t& extent : extents) {
    const auto read = read_extent(reader, extent);
    if (!read) return tl::unexpected(read.error());
    extent = *read;
  }
  reader.put(0, 1);
  reader.put(extents);
  reader.put(static_cast<std::uint64_t>(kEquator + *latitude), 4);
  reader.put(static_cast<std::uint64_t>(kEquator + *longitude), 4);
  reader.put(static_cast<std::uint64_t>(kDatum + (below ? -*altitude : *altitude)), 4);
  return {};
}

// [!]family:address/length; zero octets at the end of an address are left out (RFC 3123 section 4).
Result<void> read_prefixes(FieldReader& reader) {
  while (!reader.at_end()) {
    const auto word = reader.take_word();
    if (!word) return tl::unexpected(word.error());
    const bool negated = word->starts_with('!');
    const std::string_view item = word->substr(negated ? 1 : 0);
    const std::size_t slash = item.rfind('/');
    const auto family = item.starts_with("1:") ? shared::Family::ipv4 : shared::Family::ipv6;
    const bool known = item.starts_with("1:") || item.starts_with("2:");
    const auto address =
        !known || slash == std::string_view::npos ? std::nullopt : shared::IpAddress::parse(item.substr(2, slash - 2));
    const auto length = address ? parse_decimal(item.substr(slash + 1), shared::bits_of(family)) : std::nullopt;
    if (!length || address->family != family) {
      return fail(quoted(*word) + " is not a prefix such as 1:192.0.2.0/24, !1:192.0.2.128/25 or 2:2001:db8::/32");
    }
    std::span<const std::uint8_t> octets(address->bytes.data(), shared::bits_of(family) / 8U);
    while (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
    reader.put(family == shared::Family::ipv4 ? 1 : 2, 2);
    reader.put(*length, 1);
    reader.put((negated ? 0x80U : 0U) | octets.size(), 1);
    reader.put(octets);
  }
  return {};
}

// A service by number or, as the system's services(5) has it, by name.
std::optional<std::uint64_t> port_of(std::string_view word, bool tcp) {
  if (const auto number = parse_decimal(word, 0xFFFF)) return number;
  servent entry{};
  servent* found = nullptr;
  std::array<char, 1024> buffer;
  const std::string name(word);
  if (::getservbyname_r(name.c_str(), tcp ? "tcp" : "udp", &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  const auto port = static_cast<std::uint16_t>(found->s_port);
  return static_cast<std::uint16_t>(port << 8 | port >> 8);
}

Result<void> read_services(FieldReader& reader) {
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  const auto protocol = shared::equals_ignoring_case(*word, "tcp")   ? std::optional<std::uint64_t>(6)
                        : shared::equals_ignoring_case(*word, "udp") ? 17
                                                                     : parse_decimal(*word, 255);
  if (!protocol) return fail(quoted(*word) + " is not a protocol: tcp, udp or its number");
  Octets bits;
  while (!reader.at_end()) {
    const auto service = reader.take_word();
    if (!service) return tl::unexpected(service.error());
    const auto port = port_of(*service, *protocol == 6);
    if (!port) return fail(quoted(*service) + " is not a service or its port");
    if (bits.size() <= *port / 8) bits.resize(*port / 8 + 1);
    bits[*port / 8] |= static_cast<std::uint8_t>(0x80 >> (*port % 8));
  }
  reader.put(*protocol, 1);
  reader.put(bits);
  return {};
}

Result<void> read_nsap(FieldReader& reader) {
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  std::string digits(*word);
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  const auto octets = digits.starts_with("0x") || digits.starts_with("0X")
                          ? decode_hex(std::string_view(digits).substr(2))
                          : std::nullopt;
  if (!octets || octets->empty()) return fail(quoted(*word) + " is not 0x and an even number of hexadecimal digits");
  reader.put(*octets);
  return {};
}

// What a gateway or relay is (RFC 4025 section 2.3, RFC 8777 section 4.2.3): 0 none, 1 IPv4, 2 IPv6, 3 a name.
Result<void> read_gateway(FieldReader& reader, std::uint64_t type) {
  if (type == 1) return reader.read(Field::ipv4);
  if (type == 2) return reader.read(Field::ipv6);
  if (type == 3) return reader.read(Field::name);
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  if (*word != ".") return fail(quoted(*word) + ": without a gateway it is '.'");
  return {};
}

Result<void> read_ipsec_gateway(FieldReader& reader) {
  const auto type = reader.take_number(3);
  if (!type) return tl::unexpected(type.error());
  const auto algorithm = reader.take_number(255);
  if (!algorithm) return tl::unexpected(algorithm.error());
  reader.put(*type, 1);
  reader.put(*algorithm, 1);
  if (auto gateway = read_gateway(reader, *type); !gateway) return gateway;
  return reader.read(*algorithm == 0 ? Field::base64_or_none : Field::base64);
}

Result<void> read_relay(FieldReader& reader) {
  const auto discovery = reader.take_number(1);
  if (!discovery) return tl::unexpected(discovery.error());
  const auto type = reader.take_number(3);
  if (!type) return tl::unexpected(type.error());
  reader.put(*discovery << 7 | *type, 1);
  return read_gateway(reader, *type);
}

Result<void> read_host_identity(FieldReader& reader) {
  const auto algorithm = reader.take_number(255);
  if (!algorithm) return tl::unexpected(algorithm.error());
  const auto hit = reader.take_word();
  if (!hit) return tl::unexpected(hit.error());
  const auto tag = decode_hex(*hit);
  if (!tag || tag->empty() || tag->size() > 255) return fail(quoted(*hit) + " is not a HIT in hexadecimal");
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  const auto key = decode_base64(*word);
  if (!key || key->empty()) return fail(quoted(*word) + " is not base64");
  reader.put(tag->size(), 1);
  reader.put(*algorithm, 1);
  reader.put(key->size(), 2);
  reader.put(*tag);
  reader.put(*key);
  while (!reader.at_end()) {
    if (auto name = reader.read_name(); !name) return name;
  }
  return {};
}

}  // namespace

Result<void> read_record_field(FieldReader& reader, Field field) {
  switch (field) {
    case Field::nsap:
      return read_nsap(reader);
    case Field::location:
      return read_location(reader);
    case Field::prefixes:
      return read_prefixes(reader);
    case Field::services:
      return read_services(reader);
    case Field::ipsec_gateway:
      return read_ipsec_gateway(reader);
    case Field::relay:
      return read_relay(reader);
    case Field::host_identity:
      return read_host_identity(reader);
    default:
      return fail("a field that nobody reads");
  }
}

}  // namespace dns
