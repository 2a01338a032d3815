#include "dns/load/record/rdata_fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

#include "dns/load/record/rdata_records.h"
#include "dns/load/record/service_params.h"
#include "shared/core/ascii.h"
#include "shared/core/ip.h"
#include "shared/load/idn.h"

namespace dns {

using shared::fail;

namespace {

using shared::is_digit;

// What may stand for a number, in any case.
struct Mnemonic {
  std::string_view word;
  std::uint16_t value = 0;
};

constexpr Mnemonic kAlgorithms[] = {{"RSAMD5", 1},
                                    {"DH", 2},
                                    {"DSA", 3},
                                    {"RSASHA1", 5},
                                    {"DSA-NSEC3-SHA1", 6},
                                    {"NSEC3DSA", 6},
                                    {"NSEC3RSASHA1", 7},
                                    {"RSASHA1-NSEC3-SHA1", 7},
                                    {"RSASHA256", 8},
                                    {"RSASHA512", 10},
                                    {"ECCGOST", 12},
                                    {"ECC-GOST", 12},
                                    {"ECDSAP256SHA256", 13},
                                    {"ECDSAP384SHA384", 14},
                                    {"ED25519", 15},
                                    {"ED448", 16},
                                    {"INDIRECT", 252},
                                    {"PRIVATEDNS", 253},
                                    {"PRIVATEOID", 254}};
constexpr Mnemonic kCertificates[] = {{"PKIX", 1}, {"SPKI", 2},   {"PGP", 3},     {"IPKIX", 4}, {"ISPKI", 5},
                                      {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}};

constexpr Mnemonic kSchemes[] = {{"NOTIFY", 1}};

unsigned octets_of(Field number) {
  return number == Field::u8 ? 1 : number == Field::u16 ? 2 : number == Field::u32 ? 4 : 8;
}

Result<void> read_mnemonic(FieldReader& reader, std::span<const Mnemonic> words, unsigned octets) {
  const MasterToken* const token = reader.peek();
  const auto same = [&](const Mnemonic& row) { return shared::equals_ignoring_case(row.word, token->text); };
  const auto* const found = token == nullptr || token->quoted
                                ? words.data() + words.size()
                                : std::find_if(words.data(), words.data() + words.size(), same);
  if (found != words.data() + words.size()) {
    reader.skip();
    reader.put(found->value, octets);
    return {};
  }
  const auto number = reader.take_number(octets == 1 ? 0xFF : 0xFFFF);
  if (!number) return tl::unexpected(number.error());
  reader.put(*number, octets);
  return {};
}

// YYYYMMDDHHmmSS as seconds since 1970; nothing if there is no such moment.
std::optional<std::int64_t> parse_moment(std::string_view text) {
  if (text.size() != 14 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) {
    int value = 0;
    for (std::size_t i = at; i < at + size; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(part(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(part(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(part(6, 2)))};
  if (!day.ok() || part(0, 4) < 1970 || part(8, 2) > 23 || part(10, 2) > 59 || part(12, 2) > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(day).time_since_epoch().count();
  return std::int64_t{days} * 86400 + std::int64_t{part(8, 2)} * 3600 + std::int64_t{part(10, 2)} * 60 + part(12, 2);
}

}  // namespace

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t largest) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > largest) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_ttl(std::string_view text) {
  constexpr std::uint64_t kTooMuch = std::uint64_t{1} << 40;
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool digits = false;
  for (const char c : text) {
    if (is_digit(c)) {
      number = std::min(number * 10 + static_cast<std::uint64_t>(c - '0'), kTooMuch);
      digits = true;
      continue;
    }
    constexpr std::string_view kUnits = "smhdw";
    constexpr std::uint32_t kSeconds[] = {1, 60, 3600, 86400, 604800};
    const std::size_t unit = kUnits.find(static_cast<char>(c | 0x20));
    if (!digits || unit == std::string_view::npos) return std::nullopt;
    total = std::min(total + number * kSeconds[unit], kTooMuch);
    number = 0;
    digits = false;
  }
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  return total + number;
}

Result<void> FieldReader::read(Field field) {
  switch (field) {
    case Field::u8:
    case Field::u16:
    case Field::u32:
    case Field::u64:
      return read_number(octets_of(field));
    case Field::period:
      return read_period();
    case Field::timestamp:
      return read_timestamp();
    case Field::algorithm:
      return read_mnemonic(*this, kAlgorithms, 1);
    case Field::cert_type:
      return read_mnemonic(*this, kCertificates, 2);
    case Field::scheme:
      return read_mnemonic(*this, kSchemes, 1);
    case Field::type:
      return read_type();
    case Field::name:
      return read_name();
    case Field::ipv4:
    case Field::ipv6:
      return read_address(field);
    case Field::string:
    case Field::optional_string:
    case Field::digits:
    case Field::regexp:
    case Field::strings:
    case Field::tag:
    case Field::text:
      return read_quotable(field);
    case Field::hex:
      return read_hex();
    case Field::base64:
    case Field::base64_or_none:
    case Field::base64_word:
      return read_base64(field);
    case Field::salt:
      return read_salt();
    case Field::next_hash:
      return read_next_hash();
    case Field::type_bitmap:
      return read_types();
    case Field::eui48:
      return read_groups(6, 2, '-');
    case Field::eui64:
      return read_groups(8, 2, '-');
    case Field::locator64:
      return read_groups(4, 4, ':');
    case Field::service:
      return read_service_params(*this);
    case Field::opaque:
      return fail("the data of this type is written as \\# LENGTH HEX (RFC 3597)");
    default:
      return read_record_field(*this, field);
  }
}

// What may be written in quotes.
Result<void> FieldReader::read_quotable(Field field) {
  if (field == Field::strings) return read_strings();
  if (field == Field::tag) return read_tag();
  if (field == Field::text) return read_text();
  return field == Field::optional_string && at_end() ? Result<void>{} : read_string();
}

Result<void> FieldReader::end() const {
  if (tokens_.empty()) return {};
  return fail(quoted(tokens_[0].text) + " is more than this type has");
}

Result<std::string_view> FieldReader::take_word() {
  if (tokens_.empty()) return fail("the data ends too soon");
  const MasterToken& token = tokens_[0];
  if (token.quoted) return fail("\"" + std::string(token.text) + "\" must not be quoted");
  tokens_ = tokens_.subspan(1);
  return token.text;
}

Result<std::uint64_t> FieldReader::take_number(std::uint64_t largest) {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto value = parse_decimal(*word, largest);
  if (!value) return fail(quoted(*word) + " is not a number from 0 to " + std::to_string(largest));
  return *value;
}

void FieldReader::put(std::uint64_t value, unsigned octets) {
  while (octets > 0) out_.push_back(static_cast<std::uint8_t>(value >> (8 * --octets)));
}

Result<void> FieldReader::read_number(unsigned octets) {
  const auto value = take_number(~std::uint64_t{0} >> (64 - 8 * octets));
  if (!value) return tl::unexpected(value.error());
  put(*value, octets);
  return {};
}

Result<void> FieldReader::read_period() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto value = parse_ttl(*word);
  if (!value || *value > 0xFFFFFFFF) {
    return fail(quoted(*word) + " is not a number from 0 to 4294967295, nor a time such as 1h30m");
  }
  put(*value, 4);
  return {};
}

Result<void> FieldReader::read_timestamp() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto moment = parse_moment(*word);
  const auto seconds = parse_decimal(*word, 0xFFFFFFFF);
  if (!moment && !seconds) return fail(quoted(*word) + " is neither YYYYMMDDHHmmSS nor seconds since 1970");
  put(moment ? static_cast<std::uint64_t>(*moment) : *seconds, 4);
  return {};
}

Result<void> FieldReader::read_type() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto type = type_from_text(*word);
  if (!type) return fail(quoted(*word) + " is not a record type");
  put(*type, 2);
  return {};
}

Result<void> FieldReader::read_name() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  if (*word == "@") {
    put(origin_);
    return {};
  }
  const auto name = dns::read_name(*word);
  if (!name) return tl::unexpected(name.error());
  if (raw_name_.empty() && !shared::load::is_ascii(*word)) raw_name_ = *word;
  if (name->absolute) {
    put(name->wire());
    return {};
  }
  if (name->size - 1U + origin_.size() > kMaxNameSize) {
    return fail(quoted(*word) + " with its origin is longer than 255 octets");
  }
  put(name->wire().first(name->size - 1U));
  put(origin_);
  return {};
}

Result<void> FieldReader::read_address(Field field) {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto wanted = field == Field::ipv4 ? shared::Family::ipv4 : shared::Family::ipv6;
  const auto address = shared::IpAddress::parse(*word);
  if (!address || address->family != wanted) {
    return fail(quoted(*word) + " is not an IPv" + (field == Field::ipv4 ? "4" : "6") + " address");
  }
  put(std::span(address->bytes).first(shared::bits_of(wanted) / 8U));
  return {};
}

Result<std::string> FieldReader::take_string() {
  if (tokens_.empty()) return fail("the data ends too soon");
  auto text = unescape(tokens_[0].text);
  if (!text) return fail(quoted(tokens_[0].text) + ": an escape is neither \\X nor \\DDD up to 255");
  tokens_ = tokens_.subspan(1);
  return std::move(*text);
}

Result<void> FieldReader::read_string() {
  const auto text = take_string();
  if (!text) return tl::unexpected(text.error());
  if (text->size() > 255) return fail("a string is longer than 255 octets");
  put(text->size(), 1);
  out_.insert(out_.end(), text->begin(), text->end());
  return {};
}

Result<void> FieldReader::read_strings() {
  do {
    if (auto read = read_string(); !read) return read;
  } while (!at_end());
  return {};
}

Result<void> FieldReader::read_tag() {
  const auto text = take_string();
  if (!text) return tl::unexpected(text.error());
  const auto is_letter = [](char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); };
  if (text->empty() || text->size() > 255 || !std::all_of(text->begin(), text->end(), is_letter)) {
    return fail(quoted(*text) + " is not a tag: letters and digits");
  }
  put(text->size(), 1);
  out_.insert(out_.end(), text->begin(), text->end());
  return {};
}

Result<void> FieldReader::read_text() {
  const auto text = take_string();
  if (!text) return tl::unexpected(text.error());
  out_.insert(out_.end(), text->begin(), text->end());
  return {};
}

// Words may be cut anywhere (RFC 4034 sections 2.2 and 5.3).
Result<std::string> FieldReader::take_rest(const char* what) {
  std::string text;
  while (!at_end()) {
    const auto word = take_word();
    if (!word) return tl::unexpected(word.error());
    text += *word;
  }
  if (text.empty()) return fail("the data ends too soon: " + std::string(what) + " is missing");
  return text;
}

Result<void> FieldReader::read_hex() {
  const auto text = take_rest("the hexadecimal part");
  if (!text) return tl::unexpected(text.error());
  const auto octets = decode_hex(*text);
  if (!octets) return fail(quoted(*text) + " is not an even number of hexadecimal digits");
  put(*octets);
  return {};
}

Result<void> FieldReader::read_base64(Field field) {
  if (field == Field::base64_or_none && at_end()) return {};
  if (field == Field::base64_word && tokens_.size() == 1 && tokens_[0].text == "-") {
    skip();
    return {};
  }
  const auto text = take_rest("the base64 part");
  if (!text) return tl::unexpected(text.error());
  const auto octets = decode_base64(*text);
  if (!octets) return fail(quoted(*text) + " is not base64");
  put(*octets);
  return {};
}

Result<void> FieldReader::read_salt() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto octets = *word == "-" ? Octets{} : decode_hex(*word);
  if (!octets || octets->size() > 255) return fail(quoted(*word) + " is neither - nor up to 255 octets in hexadecimal");
  put(octets->size(), 1);
  put(*octets);
  return {};
}

Result<void> FieldReader::read_next_hash() {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  const auto octets = decode_base32hex(*word);
  if (!octets || octets->empty() || octets->size() > 255) return fail(quoted(*word) + " is not a hash in base32hex");
  put(octets->size(), 1);
  put(*octets);
  return {};
}

// Windows of 256 types, each without the empty octets at its end (RFC 4034 section 4.1.2).
Result<void> FieldReader::read_types() {
  std::map<std::uint16_t, Octets> windows;
  while (!at_end()) {
    const auto word = take_word();
    if (!word) return tl::unexpected(word.error());
    const auto type = type_from_text(*word);
    if (!type) return fail(quoted(*word) + " is not a record type");
    Octets& bits = windows[*type >> 8];
    const std::size_t octet = (*type & 0xFF) / 8U;
    if (bits.size() <= octet) bits.resize(octet + 1);
    bits[octet] |= static_cast<std::uint8_t>(0x80 >> (*type % 8));
  }
  for (const auto& [window, bits] : windows) {
    put(window, 1);
    put(bits.size(), 1);
    put(bits);
  }
  return {};
}

// `count` groups of exactly so many hexadecimal digits; a locator's may have fewer (RFC 6742 section 2.1.2).
Result<void> FieldReader::read_groups(std::size_t count, std::size_t digits, char separator) {
  const auto word = take_word();
  if (!word) return tl::unexpected(word.error());
  std::string_view rest = *word;
  std::string hex;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? rest.find(separator) : rest.size();
    const std::string_view group = rest.substr(0, end);
    const bool sized = separator == ':' ? !group.empty() && group.size() <= digits : group.size() == digits;
    if (end == std::string_view::npos || !sized) {
      hex.clear();
      break;
    }
    hex.append(digits - group.size(), '0').append(group);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto octets = decode_hex(hex);
  if (!octets || octets->empty()) {
    return fail(quoted(*word) + " is not " + std::to_string(count) + " groups of hexadecimal digits with '" +
                separator + "' between them");
  }
  put(*octets);
  return {};
}

}  // namespace dns
