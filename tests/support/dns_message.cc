#include "tests/support/dns_message.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

#include "shared/core/ascii.h"
#include "shared/core/ip.h"

namespace test {

namespace {

[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += shared::kHexDigits[byte >> 4];
    text += shared::kHexDigits[byte & 15];
  }
  return text;
}

[[nodiscard]] std::string address_text(std::span<const std::uint8_t> bytes) {
  shared::IpAddress address;
  address.family = bytes.size() == 4 ? shared::Family::ipv4 : shared::Family::ipv6;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address.to_string();
}

const std::map<std::string, unsigned, std::less<>> kTypes = {
    {"A", 1},     {"NS", 2},   {"CNAME", 5},  {"SOA", 6}, {"PTR", 12},   {"MX", 15},   {"TXT", 16},
    {"AAAA", 28}, {"SRV", 33}, {"DNAME", 39}, {"DS", 43}, {"RRSIG", 46}, {"SVCB", 64}, {"HTTPS", 65}};

[[nodiscard]] std::string type_name(unsigned type) {
  for (const auto& [name, number] : kTypes) {
    if (number == type) return name;
  }
  return "TYPE" + std::to_string(type);
}

[[nodiscard]] unsigned type_number(const std::string& name) {
  const auto found = kTypes.find(name);
  if (found != kTypes.end()) return found->second;
  if (name.starts_with("TYPE")) return static_cast<unsigned>(std::stoul(name.substr(4)));
  throw std::invalid_argument("no such type: " + name);
}

// Reads a packet; any violation sets `broken` and ends all reading.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> packet) : packet_(packet) {}

  bool broken = false;
  std::size_t at = 0;

  unsigned u8() { return take(1) ? packet_[at - 1] : 0; }
  unsigned u16() { return take(2) ? packet_[at - 2] << 8 | packet_[at - 1] : 0U; }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::span<const std::uint8_t> bytes(std::size_t n) {
    return take(n) ? packet_.subspan(at - n, n) : std::span<const std::uint8_t>{};
  }
  // Follows pointers, which must point backwards.
  std::string name() {
    std::string text;
    std::size_t wire = 1;
    std::size_t end = 0;
    while (!broken) {
      const std::size_t start = at;
      const unsigned size = u8();
      if (size >= 0xC0) {
        const std::size_t target = (size & 0x3F) << 8 | u8();
        if (end == 0) end = at;
        if (target >= start) broken = true;
        at = target;
        continue;
      }
      if (size == 0) break;
      wire += size + 1;
      if (size > 63 || wire > 255) broken = true;
      for (const std::uint8_t c : bytes(size)) text += static_cast<char>(c);
      text += '.';
    }
    if (end != 0) at = end;
    return text.empty() ? "." : text;
  }

 private:
  bool take(std::size_t n) {
    if (broken || packet_.size() - at < n) {
      broken = true;
      return false;
    }
    at += n;
    return true;
  }
  std::span<const std::uint8_t> packet_;
};

[[nodiscard]] std::string rdata_text(Reader& reader, unsigned type, std::size_t size) {
  std::ostringstream text;
  switch (type) {
    case 1:
    case 28:
      if (size != (type == 1 ? 4U : 16U)) reader.broken = true;
      return reader.broken ? "" : address_text(reader.bytes(size));
    case 2:
    case 5:
    case 12:
    case 39:
      return reader.name();
    case 15:
      text << reader.u16();
      text << ' ' << reader.name();
      return text.str();
    case 33:
      for (int i = 0; i < 3; ++i) text << reader.u16() << ' ';
      text << reader.name();
      return text.str();
    case 6:
      text << reader.name();
      text << ' ' << reader.name();
      for (int i = 0; i < 5; ++i) text << ' ' << reader.u32();
      return text.str();
    case 16: {
      const std::size_t end = reader.at + size;
      while (reader.at < end && !reader.broken) {
        text << '"';
        for (const std::uint8_t c : reader.bytes(reader.u8())) text << static_cast<char>(c);
        text << '"';
      }
      return text.str();
    }
    default:
      return "\\# " + hex(reader.bytes(size));
  }
}

void read_opt(Reader& reader, ParsedReply& reply, std::size_t size) {
  const std::size_t end = reader.at + size;
  while (reader.at < end && !reader.broken) {
    ParsedReply::Option option;
    option.code = reader.u16();
    const auto data = reader.bytes(reader.u16());
    option.data.assign(data.begin(), data.end());
    reply.options.push_back(option);
  }
}

void read_rr(Reader& reader, ParsedReply& reply, std::vector<std::string>& section) {
  const std::string owner = reader.name();
  const unsigned type = reader.u16();
  const unsigned klass = reader.u16();
  const std::uint32_t ttl = reader.u32();
  const std::size_t size = reader.u16();
  const std::size_t end = reader.at + size;
  if (type == 41) {
    ++reply.opts;
    reply.has_opt = true;
    reply.udp_size = klass;
    reply.opt_ttl = ttl;
    if (owner != ".") reader.broken = true;
    read_opt(reader, reply, size);
  } else {
    std::ostringstream line;
    line << owner << ' ' << ttl
         << (klass == 1   ? " IN "
             : klass == 3 ? " CH "
                          : " CLASS? ")
         << type_name(type) << ' ' << rdata_text(reader, type, size);
    section.push_back(line.str());
  }
  if (reader.at != end) reader.broken = true;
}

[[nodiscard]] Bytes absolute(const std::string& text, const std::string& apex) {
  if (text == "@") return wire_name(apex);
  return wire_name(text.ends_with('.') ? text : text + "." + apex);
}

[[nodiscard]] Bytes parse_rdata(unsigned type, std::istringstream& in, const std::string& apex) {
  Bytes rdata;
  std::string word;
  const auto number = [&] {
    in >> word;
    return static_cast<std::uint32_t>(std::stoul(word));
  };
  const auto name = [&] {
    in >> word;
    append(rdata, absolute(word, apex));
  };
  const bool generic = (in >> std::ws).peek() == '\\';  // RFC 3597: \# hex
  switch (generic ? 0 : type) {
    case 1:
    case 28: {
      in >> word;
      const auto address = shared::IpAddress::parse(word);
      if (!address) throw std::invalid_argument("not an address: " + word);
      append(rdata, std::span(address->bytes).first(type == 1 ? 4 : 16));
      return rdata;
    }
    case 2:
    case 5:
    case 12:
    case 39:
      name();
      return rdata;
    case 15:
      append_u16(rdata, number());
      name();
      return rdata;
    case 33:
      for (int i = 0; i < 3; ++i) append_u16(rdata, number());
      name();
      return rdata;
    case 6:
      name();
      name();
      for (int i = 0; i < 5; ++i) append_u32(rdata, number());
      return rdata;
    case 16:
      in >> word;
      rdata.push_back(static_cast<std::uint8_t>(word.size()));
      rdata.insert(rdata.end(), word.begin(), word.end());
      return rdata;
    default:
      in >> word;  // \#
      std::getline(in, word);
      return from_hex(word);
  }
}

}  // namespace

Bytes wire_name(std::string_view text) {
  Bytes bytes;
  while (!text.empty() && text != ".") {
    const std::size_t dot = std::min(text.find('.'), text.size());
    bytes.push_back(static_cast<std::uint8_t>(dot));
    bytes.insert(bytes.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dot));
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  bytes.push_back(0);
  return bytes;
}

void append_u16(Bytes& bytes, unsigned value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

void append_u32(Bytes& bytes, std::uint32_t value) {
  append_u16(bytes, value >> 16);
  append_u16(bytes, value & 0xFFFF);
}

void append(Bytes& bytes, std::span<const std::uint8_t> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  unsigned value = 0;
  unsigned digits = 0;
  for (const char c : text) {
    const std::size_t digit = shared::kHexDigits.find(c);
    if (digit == std::string_view::npos) continue;
    value = value << 4 | static_cast<unsigned>(digit);
    if (++digits % 2 == 0) bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

QueryBuilder& QueryBuilder::option(unsigned code, std::span<const std::uint8_t> data) {
  edns = true;
  append_u16(options, code);
  append_u16(options, static_cast<unsigned>(data.size()));
  append(options, data);
  return *this;
}

QueryBuilder& QueryBuilder::subnet(std::string_view prefix) {
  const std::size_t slash = prefix.find('/');
  const auto address = shared::IpAddress::parse(prefix.substr(0, slash));
  if (!address) throw std::invalid_argument("not a subnet");
  const auto source = static_cast<unsigned>(std::stoul(std::string(prefix.substr(slash + 1))));
  Bytes data = {0, static_cast<std::uint8_t>(address->family == shared::Family::ipv4 ? 1 : 2),
                static_cast<std::uint8_t>(source), 0};
  append(data, std::span(address->bytes).first((source + 7) / 8));
  return option(8, data);
}

Bytes QueryBuilder::question() const {
  Bytes bytes = wire_name(name);
  append_u16(bytes, static_cast<unsigned>(type));
  append_u16(bytes, klass);
  return bytes;
}

Bytes QueryBuilder::opt() const {
  Bytes bytes = {0, 0, 41};
  append_u16(bytes, udp_size);
  append_u32(bytes, version << 16 | edns_flags);
  append_u16(bytes, static_cast<unsigned>(options.size()));
  append(bytes, options);
  return bytes;
}

Bytes QueryBuilder::build() const {
  Bytes bytes;
  append_u16(bytes, id);
  append_u16(bytes, flags);
  for (const unsigned count : {1U, 0U, 0U, edns ? 1U : 0U}) append_u16(bytes, count);
  append(bytes, question());
  if (edns) append(bytes, opt());
  return bytes;
}

std::optional<Bytes> ParsedReply::option(unsigned code) const {
  for (const Option& option : options) {
    if (option.code == code) return option.data;
  }
  return std::nullopt;
}

std::optional<unsigned> ParsedReply::ede() const {
  const auto data = option(15);
  if (!data || data->size() < 2) return std::nullopt;
  return static_cast<unsigned>((*data)[0] << 8 | (*data)[1]);
}

ParsedReply parse_reply(std::span<const std::uint8_t> packet) {
  ParsedReply reply;
  Reader reader(packet);
  reply.id = static_cast<std::uint16_t>(reader.u16());
  reply.flags = static_cast<std::uint16_t>(reader.u16());
  const unsigned questions = reader.u16();
  const unsigned answers = reader.u16();
  const unsigned authorities = reader.u16();
  const unsigned additionals = reader.u16();
  if (questions > 1) reader.broken = true;
  if (questions == 1) {
    const std::size_t start = reader.at;
    const std::string name = reader.name();
    reader.u32();
    if (!reader.broken)
      reply.question.assign(packet.begin() + static_cast<std::ptrdiff_t>(start),
                            packet.begin() + static_cast<std::ptrdiff_t>(reader.at));
  }
  for (unsigned i = 0; i < answers && !reader.broken; ++i) read_rr(reader, reply, reply.answer);
  for (unsigned i = 0; i < authorities && !reader.broken; ++i) read_rr(reader, reply, reply.authority);
  for (unsigned i = 0; i < additionals && !reader.broken; ++i) read_rr(reader, reply, reply.additional);
  reply.sound = !reader.broken && reader.at == packet.size() && reply.opts <= 1;
  return reply;
}

dns::BuiltZone build_zone(const ZoneText& text) {
  dns::ZoneBuilder builder(dns::Name::from_text(text.apex).value());
  std::vector<dns::ZoneProblem> refused;
  std::uint32_t where = 0;
  for (const std::string& line : text.lines) {
    std::istringstream in(line);
    std::string owner;
    std::string type;
    std::uint32_t ttl = 0;
    in >> owner >> ttl >> type;
    const unsigned number = type_number(type);
    const Bytes owner_wire = absolute(owner, text.apex);
    const Bytes rdata = parse_rdata(number, in, text.apex);
    dns::Record record;
    record.owner = owner_wire;
    record.type = dns::RrType{static_cast<std::uint16_t>(number)};
    record.ttl = ttl;
    record.rdata = rdata;
    record.where = ++where;
    const auto added = builder.add(record);
    if (!added) refused.push_back({dns::ZoneProblem::Severity::error, where, added.error().message});
  }
  for (const ZoneText::PolicyLine& policy : text.policies) {
    const Bytes owner = absolute(policy.owner, text.apex);
    const auto marked =
        builder.mark_policy(dns::Name::from_wire(owner).value(), dns::PolicyNameId{policy.id}, ++where, policy.types);
    if (!marked) refused.push_back({dns::ZoneProblem::Severity::error, where, marked.error().message});
  }
  dns::BuiltZone built = builder.finish();
  if (!refused.empty()) built.zone = nullptr;
  built.problems.insert(built.problems.begin(), refused.begin(), refused.end());
  return built;
}

std::shared_ptr<const dns::Zone> zone_of(const ZoneText& text) {
  const dns::BuiltZone built = build_zone(text);
  for (const auto& problem : built.problems) {
    if (problem.severity == dns::ZoneProblem::Severity::error) std::fprintf(stderr, "%s\n", problem.text.c_str());
  }
  if (built.zone == nullptr) std::abort();
  return built.zone;
}

}  // namespace test
