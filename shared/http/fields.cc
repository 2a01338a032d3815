#include "shared/http/fields.h"

#include <cstring>

namespace http {
namespace {

// By FieldId.
constexpr std::array<std::string_view, kFieldIds> kNames{
    "",
    "Accept-Encoding",
    "Age",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Date",
    "ETag",
    "Expect",
    "Expires",
    "Forwarded",
    "Host",
    "HTTP2-Settings",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Pragma",
    "Proxy",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Retry-After",
    "Server",
    "Set-Cookie",
    "TE",
    "Traceparent",
    "Tracestate",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Vary",
    "Via",
    "X-Api-Key",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Request-Id",
};

constexpr char hyphen(char c) { return c == '_' ? '-' : shared::lower(c); }

constexpr std::size_t kSlots = 128;
constexpr std::size_t kLongest = 25;  // "Proxy-Authentication-Info"

// Lower case for letters; digits and '-' have that bit anyway. Maps no other token character onto one of these.
constexpr std::size_t folded(char c) { return static_cast<unsigned char>(c) | 0x20U; }

// Length, ends and middle tell the known names apart well enough: a lookup compares one candidate, rarely two.
constexpr std::size_t slot_of(std::string_view name) {
  const std::size_t middle = folded(name[name.size() / 2]) * 57;
  return (name.size() * 7 + folded(name.front()) * 31 + folded(name.back()) * 13 + middle) % kSlots;
}

constexpr std::array<FieldId, kSlots> make_slots() {
  std::array<FieldId, kSlots> slots{};
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    std::size_t slot = slot_of(kNames[i]);
    while (slots[slot] != FieldId::other) slot = (slot + 1) % kSlots;
    slots[slot] = static_cast<FieldId>(i);
  }
  return slots;
}
constexpr std::array<FieldId, kSlots> kSlotTable = make_slots();

bool folds_to(std::string_view known, std::string_view name) {
  if (known.size() != name.size()) return false;
  const auto same = []<class Word>(const char* one, const char* other, Word a) {
    constexpr auto kFold = static_cast<Word>(0x2020202020202020ULL);
    Word b = 0;
    std::memcpy(&a, one, sizeof a);
    std::memcpy(&b, other, sizeof b);
    return (a | kFold) == (b | kFold);
  };
  const std::size_t size = name.size();
  if (size >= 8) {  // the last word may overlap the one before
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (!same(known.data() + i, name.data() + i, std::uint64_t{})) return false;
    }
    return same(known.data() + size - 8, name.data() + size - 8, std::uint64_t{});
  }
  if (size >= 4) {
    return same(known.data(), name.data(), std::uint32_t{}) &&
           same(known.data() + size - 4, name.data() + size - 4, std::uint32_t{});
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (folded(known[i]) != folded(name[i])) return false;
  }
  return true;
}

// Letters in lower case.
std::uint64_t lowered(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  const std::uint64_t low = word & ~kHighs;
  const std::uint64_t capital = (low + kOnes * (0x80 - 'A')) & ~(low + kOnes * (0x7F - 'Z')) & ~word & kHighs;
  return word | capital >> 2;
}

// equals_ignoring_case() for names, eight octets at a time. REQUIRES: of one size.
bool same_letters(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size < 8) return equals_ignoring_case(a, b);
  const auto same = [&](std::size_t at) {
    std::uint64_t one;
    std::uint64_t other;
    std::memcpy(&one, a.data() + at, sizeof one);
    std::memcpy(&other, b.data() + at, sizeof other);
    return lowered(one) == lowered(other);
  };
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    if (!same(i)) return false;
  }
  return same(size - 8);  // may overlap the one before
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

void read_option(std::string_view option, ConnectionOptions& options) {
  if (!is_token(option)) {
    options.malformed = true;
    return;
  }
  if (equals_ignoring_case(option, "close")) {
    options.close = true;
  } else if (equals_ignoring_case(option, "keep-alive")) {
    options.keep_alive = true;
  } else if (equals_ignoring_case(option, "upgrade")) {
    options.upgrade = true;
  } else if (options.named_count == ConnectionOptions::kMaxNamed) {
    options.malformed = true;
  } else {
    options.named[options.named_count++] = option;
  }
}

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > kLongest) return FieldId::other;
  for (std::size_t slot = slot_of(name); kSlotTable[slot] != FieldId::other; slot = (slot + 1) % kSlots) {
    const FieldId id = kSlotTable[slot];
    if (folds_to(kNames[static_cast<std::size_t>(id)], name)) return id;
  }
  return FieldId::other;
}

FieldId underscore_twin(std::string_view name) {
  if (name.size() > kLongest || name.find('_') == std::string_view::npos) return FieldId::other;
  std::array<char, kLongest> hyphened;
  for (std::size_t i = 0; i < name.size(); ++i) hyphened[i] = hyphen(name[i]);
  return field_id({hyphened.data(), name.size()});
}

std::string_view canonical_name(FieldId id) { return kNames[static_cast<std::size_t>(id)]; }

bool equals_as_twin(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a == b || same_letters(a, b)) return true;  // it has no underscore, most often
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && hyphen(a[i]) != hyphen(b[i])) return false;
  }
  return true;
}

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!kToken[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

bool FieldList::push(const Field& field) {
  if (count_ == kCapacity) return false;
  fields_[count_++] = field;
  present_ |= std::uint64_t{1} << static_cast<unsigned>(field.id);
  return true;
}

unsigned FieldList::count(FieldId id) const {
  if (!has(id)) return 0;
  unsigned n = 0;
  for (const Field& field : all()) n += field.id == id ? 1 : 0;
  return n;
}

const Field* FieldList::find(FieldId id) const {
  if (!has(id)) return nullptr;
  for (const Field& field : all()) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* FieldList::find(std::string_view name) const {
  if (const FieldId id = field_id(name); id != FieldId::other) return find(id);
  for (const Field& field : all()) {
    if (field.id != FieldId::other || field.name.size() != name.size()) continue;
    if (field.name == name || same_letters(field.name, name)) return &field;
  }
  return nullptr;
}

bool ConnectionOptions::names(std::string_view field) const {
  for (std::size_t i = 0; i < named_count; ++i) {
    if (equals_ignoring_case(named[i], field)) return true;
  }
  return false;
}

ConnectionOptions connection_options(const FieldList& fields) {
  ConnectionOptions options;
  if (!fields.has(FieldId::connection)) return options;
  for (const Field& field : fields) {
    if (field.id != FieldId::connection) continue;
    for_each_element(field.value, [&](std::string_view option) { read_option(option, options); });
  }
  return options;
}

bool is_hop_by_hop(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    default:
      return false;
  }
}

bool is_protected(FieldId id) {
  switch (id) {
    case FieldId::authorization:
    case FieldId::content_length:
    case FieldId::cookie:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::traceparent:
    case FieldId::tracestate:
    case FieldId::x_api_key:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_port:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip:
    case FieldId::x_request_id:
      return true;
    default:
      return false;
  }
}

}  // namespace http
