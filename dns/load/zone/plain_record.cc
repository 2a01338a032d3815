#include "dns/load/zone/plain_record.h"

#include <cstring>

#include "shared/core/ascii.h"
#include "shared/core/ip.h"

namespace dns {

namespace {

constexpr std::uint64_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

using shared::is_digit;

// The characters of an owner that stand for themselves, in lower case; 0: any other.
constexpr std::array<std::uint8_t, 256> kPlain = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = static_cast<std::uint8_t>(c);
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = static_cast<std::uint8_t>(c);
  table['-'] = '-';
  table['_'] = '_';
  table['*'] = '*';
  return table;
}();

// What is left of a line, from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  void skip_spaces() {
    std::size_t i = 0;
    while (i < rest_.size() && is_space(rest_[i])) ++i;
    rest_.remove_prefix(i);
  }
  std::string_view take_word() {
    std::size_t i = 0;
    while (i < rest_.size() && !is_space(rest_[i])) ++i;
    const std::string_view word = rest_.substr(0, i);
    rest_.remove_prefix(i);
    skip_spaces();
    return word;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_owner(std::string_view text, NameSpan origin, PlainRecord& out) {
  std::size_t label_at = 0;  // of the length octet
  std::size_t end = 1;
  if (text.empty() || text.size() + 2 + origin.size() > kMaxNameSize) return false;
  for (const char c : text) {
    if (c == '.') {
      const std::size_t size = end - label_at - 1;
      if (size == 0 || size > kMaxLabelSize) return false;
      out.owner_bytes[label_at] = static_cast<std::uint8_t>(size);
      label_at = end++;
      continue;
    }
    const std::uint8_t octet = kPlain[static_cast<std::uint8_t>(c)];
    if (octet == 0) return false;
    out.owner_bytes[end++] = octet;
  }
  const std::size_t size = end - label_at - 1;
  if (size == 0) {  // it ended with a dot: absolute
    out.owner_bytes[label_at] = 0;
    out.owner_size = label_at + 1;
    return true;
  }
  if (size > kMaxLabelSize) return false;
  out.owner_bytes[label_at] = static_cast<std::uint8_t>(size);
  std::memcpy(&out.owner_bytes[end], origin.data(), origin.size());
  out.owner_size = end + origin.size();
  return true;
}

bool read_ttl(std::string_view word, PlainRecord& out) {
  std::uint64_t value = 0;
  for (const char c : word) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > kMaxTtl) return false;
  }
  out.ttl = static_cast<std::uint32_t>(value);
  return true;
}

bool read_ipv4(std::string_view text, PlainRecord& out) {
  std::size_t i = 0;
  for (unsigned part = 0; part < 4; ++part) {
    unsigned value = 0;
    const std::size_t start = i;
    while (i < text.size() && i < start + 3 && is_digit(text[i])) value = value * 10 + unsigned(text[i++] - '0');
    const bool leading_zero = i > start + 1 && text[start] == '0';
    if (i == start || value > 255 || leading_zero) return false;
    out.address[part] = static_cast<std::uint8_t>(value);
    if (part < 3 && (i == text.size() || text[i++] != '.')) return false;
  }
  return i == text.size();
}

bool read_ipv6(std::string_view text, PlainRecord& out) {
  const auto address = shared::IpAddress::parse(text);
  if (!address || address->family != shared::Family::ipv6) return false;
  out.address = address->bytes;
  return true;
}

}  // namespace

bool read_plain_record(std::string_view line, NameSpan origin, PlainRecord& out) {
  Cursor cursor(line);
  if (!read_owner(cursor.take_word(), origin, out)) return false;
  out.ttl.reset();
  std::string_view word = cursor.take_word();
  if (!word.empty() && is_digit(word[0])) {
    if (!read_ttl(word, out)) return false;
    word = cursor.take_word();
  }
  if (word == "IN") word = cursor.take_word();
  out.ipv6 = word == "AAAA";
  if (!out.ipv6 && word != "A") return false;
  const std::string_view data = cursor.take_word();
  return cursor.at_end() && (out.ipv6 ? read_ipv6(data, out) : read_ipv4(data, out));
}

}  // namespace dns
