#include "shared/core/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace shared {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kFixed = 16;  // of version 2, before the addresses

enum Type : std::uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kCrc32c = 0x03,
  kUniqueId = 0x05,
  kTls = 0x20,
  kTlsVersion = 0x21,
  kTlsClient = 0x22,
};
constexpr std::uint8_t kSpokeTls = 0x01;
constexpr std::uint8_t kShowedCertificate = 0x02 | 0x04;  // on this connection, or in its session

ProxyRead bad(std::string_view why) {
  ProxyRead read;
  read.state = ProxyRead::State::bad;
  read.why = why;
  return read;
}

std::uint8_t octet(std::string_view octets, std::size_t at) { return static_cast<std::uint8_t>(octets[at]); }
std::uint16_t number16(std::string_view octets, std::size_t at) {
  return static_cast<std::uint16_t>(octet(octets, at) << 8 | octet(octets, at + 1));
}
std::uint32_t number32(std::string_view octets, std::size_t at) {
  return std::uint32_t{number16(octets, at)} << 16 | number16(octets, at + 2);
}

// RFC 3720 appendix B.4, with the four octets of the checksum itself taken as zero.
std::uint32_t crc32c(std::string_view header, std::size_t zeroed) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::size_t i = 0; i < header.size(); ++i) {
    crc ^= i >= zeroed && i < zeroed + 4 ? 0 : octet(header, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

// The next word of a line, which exactly one space ends, or the line's end.
std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

ProxyRead read_line(std::string_view octets) {
  const std::size_t end = octets.substr(0, kMaxProxyHeaderV1).find('\n');
  if (end == std::string_view::npos) {
    return octets.size() < kMaxProxyHeaderV1 ? ProxyRead() : bad("line over 107 octets");
  }
  if (octets[end - 1] != '\r') return bad("line without CR");
  ProxyRead read;
  read.state = ProxyRead::State::complete;
  read.size = end + 1;
  std::string_view line = octets.substr(kWord.size(), end - 1 - kWord.size());
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return read;
  if (family != "TCP4" && family != "TCP6") return bad("neither TCP4 nor TCP6 nor UNKNOWN");
  const auto source = IpAddress::parse(take_word(line));
  const auto destination = IpAddress::parse(take_word(line));
  const auto source_port = port_of(take_word(line));
  const auto destination_port = port_of(line);
  const Family wanted = family == "TCP4" ? Family::ipv4 : Family::ipv6;
  if (!source || !destination || source->family != wanted || destination->family != wanted) return bad("bad address");
  if (!source_port || !destination_port) return bad("bad port");
  read.header.tells = true;
  read.header.source = {*source, *source_port};
  read.header.destination = {*destination, *destination_port};
  return read;
}

struct Vector {
  std::uint8_t type;
  std::string_view value;
};

// Nothing: it does not add up.
std::optional<Vector> take_vector(std::string_view& rest) {
  if (rest.size() < 3) return std::nullopt;
  const std::size_t length = number16(rest, 1);
  if (rest.size() - 3 < length) return std::nullopt;
  const Vector found{octet(rest, 0), rest.substr(3, length)};
  rest.remove_prefix(3 + length);
  return found;
}

void set_first(std::string_view& member, std::string_view value) {
  if (member.empty()) member = value;
}

bool read_tls(std::string_view value, ProxyHeader& header) {
  if (value.size() < 5) return false;
  const std::uint8_t client = octet(value, 0);
  header.tls = (client & kSpokeTls) != 0;
  header.tls_verified = (client & kShowedCertificate) != 0 && number32(value, 1) == 0;
  value.remove_prefix(5);
  while (!value.empty()) {
    const auto vector = take_vector(value);
    if (!vector) return false;
    if (vector->type == kTlsVersion) set_first(header.tls_version, vector->value);
    if (vector->type == kTlsClient) set_first(header.tls_client, vector->value);
  }
  return true;
}

// Empty, or what is wrong.
std::string_view read_vectors(std::string_view whole, std::size_t from, ProxyHeader& header) {
  std::string_view rest = whole.substr(from);
  while (!rest.empty()) {
    const auto vector = take_vector(rest);
    if (!vector) return "TLVs do not add up";
    const std::string_view value = vector->value;
    if (vector->type == kAlpn) set_first(header.alpn, value);
    if (vector->type == kAuthority) set_first(header.authority, value);
    if (vector->type == kUniqueId) {
      if (value.size() > kMaxUniqueId) return "unique id over 128 octets";
      set_first(header.unique_id, value);
    }
    if (vector->type == kTls && !read_tls(value, header)) return "TLV of TLS does not add up";
    if (vector->type == kCrc32c) {
      if (value.size() != 4) return "checksum is not 4 octets long";
      const auto at = static_cast<std::size_t>(value.data() - whole.data());
      if (crc32c(whole, at) != number32(value, 0)) return "wrong checksum";
    }
  }
  return {};
}

IpAddress address_at(std::string_view octets, std::size_t at, Family family) {
  IpAddress address{.family = family, .bytes = {}};
  std::ranges::transform(octets.substr(at, bits_of(family) / 8), address.bytes.begin(),
                         [](char c) { return static_cast<std::uint8_t>(c); });
  return address;
}

ProxyRead read_binary(std::string_view octets) {
  if (octets.size() > 12 && (octet(octets, 12) & 0xF0) != 0x20) return bad("version is not 2");
  if (octets.size() > 12 && (octet(octets, 12) & 0x0F) > 1) return bad("unknown command");
  if (octets.size() > 13 && (octet(octets, 13) >> 4 > 3 || (octet(octets, 13) & 0x0F) > 2)) {
    return bad("unknown family or transport");
  }
  if (octets.size() < kFixed) return {};
  ProxyRead read;
  read.size = kFixed + number16(octets, 14);
  if (read.size > kMaxProxyHeader) return bad("over 4096 octets");
  if (octets.size() < read.size) return {};
  const std::string_view whole = octets.substr(0, read.size);
  const std::uint8_t family = octet(whole, 13);
  // Lengths of a pair of addresses by family: unspecified, IPv4, IPv6, Unix.
  constexpr std::array<std::size_t, 4> kAddresses{0, 12, 36, 216};
  const bool local = (octet(whole, 12) & 0x0F) == 0;
  read.state = ProxyRead::State::complete;
  if (local) return read;
  const std::size_t vectors = kFixed + kAddresses[family >> 4];
  if (vectors > whole.size()) return bad("too short for its addresses");
  if (const std::string_view why = read_vectors(whole, vectors, read.header); !why.empty()) return bad(why);
  if (family != 0x11 && family != 0x21) {
    read.header = {};
    return read;
  }
  const Family ip = family == 0x11 ? Family::ipv4 : Family::ipv6;
  const std::size_t length = bits_of(ip) / 8;
  read.header.tells = true;
  read.header.source = {address_at(whole, kFixed, ip), number16(whole, kFixed + 2 * length)};
  read.header.destination = {address_at(whole, kFixed + length, ip), number16(whole, kFixed + 2 * length + 2)};
  return read;
}

IpAddress mapped(const IpAddress& address) {
  if (address.family == Family::ipv6) return address;
  IpAddress as_v6{.family = Family::ipv6, .bytes = {}};
  as_v6.bytes[10] = as_v6.bytes[11] = 0xFF;
  std::copy_n(address.bytes.begin(), 4, as_v6.bytes.begin() + 12);
  return as_v6;
}

void put16(std::string& out, std::size_t number) {
  out.push_back(static_cast<char>(number >> 8 & 0xFF));
  out.push_back(static_cast<char>(number & 0xFF));
}

void put(std::string& out, std::uint8_t type, std::string_view value) {
  if (value.empty()) return;
  out.push_back(static_cast<char>(type));
  put16(out, value.size());
  out += value;
}

std::string write_line(const ProxyHeader& header, Family family) {
  if (!header.tells) return "PROXY UNKNOWN\r\n";
  const auto text = [family](const IpAddress& address) {
    return (family == Family::ipv6 ? mapped(address) : address).to_string();
  };
  return std::string(kWord) + (family == Family::ipv4 ? "TCP4 " : "TCP6 ") + text(header.source.address) + " " +
         text(header.destination.address) + " " + std::to_string(header.source.port) + " " +
         std::to_string(header.destination.port) + "\r\n";
}

std::string tls_value(const ProxyHeader& header) {
  const bool client = header.tls_verified || !header.tls_client.empty();
  std::string value(1, static_cast<char>(kSpokeTls | (client ? kShowedCertificate : 0)));
  value += client && !header.tls_verified ? std::string_view("\0\0\0\1", 4) : std::string_view("\0\0\0\0", 4);
  put(value, kTlsVersion, header.tls_version);
  put(value, kTlsClient, header.tls_client);
  return value;
}

}  // namespace

ProxyRead read_proxy_header(std::string_view octets) {
  if (octets.empty()) return {};
  const std::string_view begin = octets.front() == kSignature.front() ? kSignature : kWord;
  const std::size_t seen = std::min(octets.size(), begin.size());
  if (octets.substr(0, seen) != begin.substr(0, seen)) return bad("no PROXY header");
  if (seen < begin.size()) return {};
  return begin == kWord ? read_line(octets) : read_binary(octets);
}

std::string write_proxy_header(ProxyVersion version, const ProxyHeader& header) {
  const bool v4 = header.source.address.family == Family::ipv4 && header.destination.address.family == Family::ipv4;
  const Family family = v4 ? Family::ipv4 : Family::ipv6;
  if (version == ProxyVersion::v1) return write_line(header, family);
  std::string out(kSignature);
  if (!header.tells) return out + std::string("\x20\0\0\0", 4);
  out += v4 ? "\x21\x11" : "\x21\x21";
  std::string rest;
  for (const Endpoint* end : {&header.source, &header.destination}) {
    const IpAddress address = v4 ? end->address : mapped(end->address);
    for (unsigned i = 0; i < bits_of(family) / 8; ++i) rest.push_back(static_cast<char>(address.bytes[i]));
  }
  put16(rest, header.source.port);
  put16(rest, header.destination.port);
  put(rest, kAlpn, header.alpn);
  put(rest, kAuthority, header.authority);
  put(rest, kUniqueId, header.unique_id.substr(0, kMaxUniqueId));
  if (header.tls) put(rest, kTls, tls_value(header));
  put16(out, rest.size());
  return out + rest;
}

}  // namespace shared
