#include "dns/core/wire/name.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "shared/core/ascii.h"

namespace dns {

namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::uint64_t kHashA = 0x9E3779B97F4A7C15ULL;
constexpr std::uint64_t kHashB = 0xD6E8FEB86659FD93ULL;  // holds a 'Y': no lowered label makes a factor of 0 with it

[[nodiscard]] std::uint64_t draw_root_hash() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

const std::uint64_t kRootHash = draw_root_hash();

constexpr auto kLower = [](std::uint8_t c) { return shared::lower(c); };

// Eight octets at a time. Length octets are below 'A', so a whole wire name can go through.
[[nodiscard]] constexpr std::uint64_t lower_word(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t low_bits = word & (0x7F * kOnes);
  const std::uint64_t above_z = low_bits + (0x7F - 'Z') * kOnes;
  const std::uint64_t from_a = low_bits + (0x80 - 'A') * kOnes;
  const std::uint64_t upper = (from_a ^ above_z) & ~word & (0x80 * kOnes);
  return word | (upper >> 2);
}

[[nodiscard]] std::uint64_t load_word(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Both halves of a 128-bit product: mixes all bits of both factors in some four cycles.
[[nodiscard]] std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// The first `octets` of a word, the others zero. 0 to 8.
[[nodiscard]] std::uint64_t front_of(std::uint64_t word, std::size_t octets) {
  return octets == 0 ? 0 : word & (~std::uint64_t{0} >> (64 - 8 * octets));
}

// See hash_label, but of any case; here so that the loop over a name's labels has it inline.
[[nodiscard]] inline std::uint64_t mix_label(std::uint64_t parent, const std::uint8_t* label) {
  std::uint64_t h = parent;
  std::size_t left = label[0] + 1U;
  for (; left > 8; left -= 8, label += 8) h = fold(h ^ kHashA, lower_word(load_word(label)) ^ kHashB);
  return fold(h ^ kHashA, front_of(lower_word(load_word(label)), left) ^ kHashB);
}

// Offsets of the labels of a sound name, with or without the root; returns how many.
unsigned label_offsets(NameSpan name, std::array<std::uint8_t, kMaxLabels>& offsets) {
  unsigned count = 0;
  for (std::size_t i = 0; i < name.size() && name[i] != 0; i += name[i] + 1U)
    offsets[count++] = static_cast<std::uint8_t>(i);
  return count;
}

void append_octet(std::string& text, std::uint8_t c) {
  constexpr std::string_view kSpecial = ".\\\"();@$";
  if (c <= ' ' || c >= 127) {
    text += '\\';
    text += static_cast<char>('0' + c / 100);
    text += static_cast<char>('0' + c / 10 % 10);
    text += static_cast<char>('0' + c % 10);
    return;
  }
  if (kSpecial.find(static_cast<char>(c)) != std::string_view::npos) text += '\\';
  text += static_cast<char>(c);
}

struct Octet {
  std::uint8_t value;
  std::size_t taken;  // characters of the text; 0: a broken escape
};

// The octet that the (perhaps escaped) character at the front of `text` stands for.
[[nodiscard]] Octet read_octet(std::string_view text) {
  if (text[0] != '\\') return {static_cast<std::uint8_t>(text[0]), 1};
  if (text.size() < 2) return {0, 0};
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (!digit(1)) return {static_cast<std::uint8_t>(text[1]), 2};
  if (!digit(2) || !digit(3)) return {0, 0};
  const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
  if (value > 255) return {0, 0};
  return {static_cast<std::uint8_t>(value), 4};
}

}  // namespace

std::size_t name_length(std::span<const std::uint8_t> bytes) {
  std::size_t i = 0;
  while (i < bytes.size() && i < kMaxNameSize) {
    if (bytes[i] == 0) return i + 1;
    if (bytes[i] > kMaxLabelSize) return 0;
    i += bytes[i] + 1U;
  }
  return 0;
}

shared::Result<WrittenName> read_name(std::string_view text) {
  const auto wrong = [&](const char* why) {
    return shared::fail("'" + std::string(text) + "' is not a domain name: " + why);
  };
  if (text.empty()) return wrong("it is empty");
  WrittenName name;
  std::size_t label_at = 0;  // of the length octet
  std::size_t end = 1;
  const auto close_label = [&] {
    name.bytes[label_at] = static_cast<std::uint8_t>(end - label_at - 1);
    label_at = end++;
  };
  for (std::size_t i = text == "." ? 1 : 0; i < text.size();) {
    if (text[i] == '.') {
      if (end == label_at + 1) return wrong("a label is empty");
      close_label();
      ++i;
      continue;
    }
    const Octet octet = read_octet(text.substr(i));
    if (octet.taken == 0) return wrong("an escape is neither \\X nor \\DDD up to 255");
    if (end - label_at > kMaxLabelSize) return wrong("a label is longer than 63 octets");
    if (end + 1 >= kMaxNameSize) return wrong("it is longer than 255 octets");
    name.bytes[end++] = octet.value;
    i += octet.taken;
  }
  name.absolute = end == label_at + 1;  // nothing follows the last dot
  if (!name.absolute) close_label();
  name.bytes[label_at] = 0;
  name.size = static_cast<std::uint8_t>(label_at + 1);
  return name;
}

std::string name_to_text(NameSpan name) {
  if (name.size() <= 1) return ".";
  std::string text;
  for (std::size_t i = 0; i < name.size() && name[i] != 0; i += name[i] + 1U) {
    for (const std::uint8_t c : name.subspan(i + 1, name[i])) append_octet(text, c);
    text += '.';
  }
  return text;
}

bool names_equal(NameSpan a, NameSpan b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](std::uint8_t x, std::uint8_t y) { return kLower(x) == kLower(y); });
}

std::strong_ordering compare_canonical(NameSpan a, NameSpan b) {
  std::array<std::uint8_t, kMaxLabels> a_offsets;
  std::array<std::uint8_t, kMaxLabels> b_offsets;
  unsigned i = label_offsets(a, a_offsets);
  unsigned j = label_offsets(b, b_offsets);
  while (i > 0 && j > 0) {
    const std::uint8_t* x = &a[a_offsets[--i]];
    const std::uint8_t* y = &b[b_offsets[--j]];
    const int order = std::memcmp(x + 1, y + 1, std::min(x[0], y[0]));
    if (order != 0) return order <=> 0;
    if (x[0] != y[0]) return x[0] <=> y[0];
  }
  return i <=> j;
}

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> wire) {
  if (wire.empty() || name_length(wire) != wire.size()) return std::nullopt;
  Name name;
  std::transform(wire.begin(), wire.end(), name.bytes_.begin(), kLower);
  name.size_ = static_cast<std::uint8_t>(wire.size());
  return name;
}

shared::Result<Name> Name::from_text(std::string_view text) {
  const auto written = read_name(text);
  if (!written) return tl::unexpected(written.error());
  Name name;
  name.size_ = written->size;
  std::transform(written->bytes.begin(), written->bytes.begin() + written->size, name.bytes_.begin(), kLower);
  return name;
}

std::size_t Name::label_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; bytes_[i] != 0; i += bytes_[i] + 1U) ++count;
  return count;
}

bool Name::is_within(const Name& ancestor) const {
  if (size_ < ancestor.size_) return false;
  const std::size_t at = size_ - ancestor.size_;
  std::size_t i = 0;
  while (i < at) i += bytes_[i] + 1U;
  return i == at && std::memcmp(&bytes_[at], ancestor.bytes_.data(), ancestor.size_) == 0;
}

bool Name::operator==(const Name& other) const {
  return size_ == other.size_ && std::memcmp(bytes_.data(), other.bytes_.data(), size_) == 0;
}

std::uint64_t hash_label(std::uint64_t parent, const std::uint8_t* label) { return mix_label(parent, label); }

std::size_t HashedName::assign(std::span<const std::uint8_t> bytes) {
  std::size_t i = 0;
  unsigned count = 0;
  while (true) {
    if (i >= bytes.size() || i >= kMaxNameSize || bytes[i] > kMaxLabelSize) return 0;
    offsets_[count] = static_cast<std::uint8_t>(i);
    if (bytes[i] == 0) break;
    ++count;
    i += bytes[i] + 1U;
  }
  size_ = static_cast<std::uint8_t>(i + 1);
  labels_ = static_cast<std::uint8_t>(count);
  copy_lowered(bytes);
  // From where they came, if whole words can be read there: the copy is still on its way from the store buffer.
  const std::uint8_t* const from = bytes.size() >= size_ + 8U ? bytes.data() : bytes_.data();
  hashes_[count] = kRootHash;
  while (count > 0) {
    --count;
    hashes_[count] = mix_label(hashes_[count + 1], from + offsets_[count]);
  }
  return size_;
}

// By whole words where they can be read; what is written too much is written over by the next label.
inline void HashedName::copy_label(std::span<const std::uint8_t> message, std::size_t from, std::size_t to) {
  const std::size_t size = message[from] + 1U;
  if (from + size + 7 > message.size()) {
    std::transform(&message[from], &message[from] + size, &bytes_[to], kLower);
    return;
  }
  std::size_t i = 0;
  do {
    const std::uint64_t word = lower_word(load_word(&message[from + i]));
    std::memcpy(&bytes_[to + i], &word, sizeof word);
    i += 8;
  } while (i < size);
}

// Labels are copied up to the root, or to a pointer to an octet before `known_end`, which is returned; 0: to the root.
inline std::size_t HashedName::read_labels(std::span<const std::uint8_t> message, std::size_t at, std::size_t known_end,
                                           Labels& labels) {
  std::size_t size = 0;
  unsigned count = 0;
  std::size_t known_at = 0;
  while (true) {
    const std::uint8_t length = message[at];
    if (length > kMaxLabelSize) {
      at = load_u16(&message[at]) & kMaxPointerTarget;
      if (at >= known_end) continue;
      known_at = at;
      break;
    }
    offsets_[count] = static_cast<std::uint8_t>(size);
    if (length == 0) break;
    labels.from[count++] = static_cast<std::uint16_t>(at);
    copy_label(message, at, size);
    size += length + 1U;
    at += length + 1U;
    labels.end = std::max(labels.end, at);
  }
  bytes_[size] = 0;
  size_ = static_cast<std::uint8_t>(size + 1);
  labels_ = static_cast<std::uint8_t>(count);
  return known_at;
}

// In place of the root that stands at the end.
inline void HashedName::append_suffix(const HashedName& other, unsigned label) {
  const std::size_t size = size_ - 1U;
  const NameSpan suffix = other.suffix(label);
  for (std::size_t i = 0; i < suffix.size(); i += 8) {
    const std::uint64_t word = load_word(suffix.data() + i);
    std::memcpy(&bytes_[size + i], &word, sizeof word);
  }
  unsigned count = labels_;
  for (unsigned i = label; i <= other.labels_; ++i, ++count) {
    offsets_[count] = static_cast<std::uint8_t>(size + other.offsets_[i] - other.offsets_[label]);
    hashes_[count] = other.hashes_[i];
  }
  size_ = static_cast<std::uint8_t>(size + suffix.size());
  labels_ = static_cast<std::uint8_t>(count - 1);
}

// Of the first `count`; that of what follows them is known.
inline void HashedName::hash_labels(std::span<const std::uint8_t> message, const Labels& labels, unsigned count) {
  const bool roomy = labels.end + 8 <= message.size();  // see assign()
  while (count > 0) {
    --count;
    hashes_[count] = mix_label(hashes_[count + 1], roomy ? &message[labels.from[count]] : &bytes_[offsets_[count]]);
  }
}

void HashedName::assign_at(std::span<const std::uint8_t> message, std::size_t at, const HashedName& question) {
  Labels labels;
  const std::size_t known_at = read_labels(message, at, kHeaderSize + question.size_, labels);
  const unsigned own = labels_;
  if (known_at != 0) {
    unsigned label = 0;
    while (kHeaderSize + question.offset(label) != known_at) ++label;
    append_suffix(question, label);
  } else {
    hashes_[own] = kRootHash;
  }
  hash_labels(message, labels, own);
}

void HashedName::assign_at(std::span<const std::uint8_t> message, std::size_t at) {
  Labels labels;
  (void)read_labels(message, at, 0, labels);
  hashes_[labels_] = kRootHash;
  hash_labels(message, labels, labels_);
}

void HashedName::copy_lowered(std::span<const std::uint8_t> bytes) {
  const auto put = [this](std::size_t at, std::uint64_t word) { std::memcpy(&bytes_[at], &word, sizeof word); };
  std::size_t at = 0;
  for (; at + 8 <= size_; at += 8) put(at, lower_word(load_word(&bytes[at])));
  std::uint64_t rest = 0;
  if (at + 8 <= bytes.size()) {
    rest = front_of(load_word(&bytes[at]), size_ - at);
  } else {
    std::memcpy(&rest, bytes.data() + at, size_ - at);
  }
  put(at, lower_word(rest));
  put(at + 8, 0);
}

bool HashedName::is_within(const HashedName& other, unsigned label) const {
  const unsigned above = other.labels() - label;
  if (labels_ < above || hash(labels_ - above) != other.hash(label)) return false;
  return std::ranges::equal(suffix(labels_ - above), other.suffix(label));
}

}  // namespace dns
