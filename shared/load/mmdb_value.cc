#include "shared/load/mmdb_value.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace shared::load {
namespace {

constexpr unsigned kMaxDepth = 32;
constexpr unsigned kMaxParts = 65536;

// Type numbers of the specification.
constexpr unsigned kPointer = 1;
constexpr unsigned kString = 2;
constexpr unsigned kDouble = 3;
constexpr unsigned kUint16 = 5;
constexpr unsigned kUint32 = 6;
constexpr unsigned kMap = 7;
constexpr unsigned kArray = 11;
constexpr unsigned kContainer = 12;
constexpr unsigned kEndMarker = 13;
constexpr unsigned kBoolean = 14;
constexpr unsigned kFloat = 15;

struct Head {
  unsigned type;
  std::uint64_t size;  // payload bytes, entries of a map or array, target of a pointer
  std::uint64_t next;  // offset behind the head
};

class Walk {
 public:
  explicit Walk(std::span<const std::uint8_t> section) : section_(section) {}

  // The offset behind the value, or nothing if it is unsound.
  std::optional<std::uint64_t> value(std::uint64_t offset, unsigned depth) {
    if (depth > kMaxDepth || ++parts_ > kMaxParts) return std::nullopt;
    const auto head = head_at(offset);
    if (!head) return std::nullopt;
    switch (head->type) {
      case kPointer:
        if (!is_pointer_target(head->size) || !value(head->size, depth + 1)) return std::nullopt;
        return head->next;
      case kMap:
        return members(*head, depth);
      case kArray:
        return elements(*head, depth);
      case kContainer:
      case kEndMarker:
        return std::nullopt;
      case kBoolean:
        return head->next;
      default:
        return scalar(*head);
    }
  }

  [[nodiscard]] unsigned parts() const { return parts_; }

  // Whether there is a map at `offset` and each member of that name an array of strings.
  bool are_strings(std::uint64_t offset, std::string_view name) {
    const auto map = followed(offset);
    if (!map || map->type != kMap) return false;
    std::optional<std::uint64_t> at = map->next;
    for (std::uint64_t i = 0; i < map->size && at; ++i) {
      const bool named = text(*at) == name;
      at = value(*at, 0);
      if (!at || (named && !is_array_of_strings(*at))) return false;
      at = value(*at, 0);
    }
    return at.has_value();
  }

  // The largest of the numbers by that name in the map at `offset`: of several, a reader may take any.
  std::uint64_t largest(std::uint64_t offset, std::string_view name) {
    std::uint64_t found = 0;
    const auto map = followed(offset);
    if (!map || map->type != kMap) return found;
    std::optional<std::uint64_t> at = map->next;
    for (std::uint64_t i = 0; i < map->size && at; ++i) {
      const bool named = text(*at) == name;
      at = value(*at, 0);
      if (at && named) found = std::max(found, short_number(*at));
      if (at) at = value(*at, 0);
    }
    return found;
  }

 private:
  // 0: no number of the two types that the metadata's have.
  std::uint64_t short_number(std::uint64_t offset) const {
    const auto head = followed(offset);
    if (!head || (head->type != kUint16 && head->type != kUint32) || head->size > 4) return 0;
    return number(head->next, static_cast<unsigned>(head->size)).value_or(0);
  }

  std::optional<std::uint64_t> elements(const Head& head, unsigned depth) {
    std::optional<std::uint64_t> at = head.next;
    for (std::uint64_t i = 0; i < head.size && at; ++i) at = value(*at, depth + 1);
    return at;
  }

  std::optional<std::uint64_t> members(const Head& head, unsigned depth) {
    std::optional<std::uint64_t> at = head.next;
    for (std::uint64_t i = 0; i < head.size && at; ++i) {
      if (!text(*at)) return std::nullopt;
      at = value(*at, depth + 1);
      if (at) at = value(*at, depth + 1);
    }
    return at;
  }

  bool is_array_of_strings(std::uint64_t offset) {
    const auto head = followed(offset);
    if (!head || head->type != kArray) return false;
    std::optional<std::uint64_t> at = head->next;
    for (std::uint64_t i = 0; i < head->size && at; ++i) {
      if (!text(*at)) return false;
      at = value(*at, 0);
    }
    return at.has_value();
  }

  // The head of the value itself where a pointer stands for it.
  std::optional<Head> followed(std::uint64_t offset) const {
    const auto head = head_at(offset);
    if (!head || head->type != kPointer) return head;
    return is_pointer_target(head->size) ? head_at(head->size) : std::nullopt;
  }

  // Nothing: no string.
  std::optional<std::string_view> text(std::uint64_t offset) const {
    const auto head = followed(offset);
    if (!head || head->type != kString || !scalar(*head)) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(&section_[0]) + head->next, head->size);
  }

  std::optional<std::uint64_t> scalar(const Head& head) const {
    if (head.type > kFloat) return std::nullopt;
    if (head.type == kDouble && head.size != 8) return std::nullopt;
    if (head.type == kFloat && head.size != 4) return std::nullopt;
    if (head.next + head.size > section_.size()) return std::nullopt;
    return head.next + head.size;
  }

  // A pointer to a pointer is not allowed; so a chain of them cannot be long.
  bool is_pointer_target(std::uint64_t offset) const {
    return offset < section_.size() && section_[offset] >> 5 != kPointer;
  }

  std::optional<std::uint64_t> number(std::uint64_t offset, unsigned bytes) const {
    if (offset + bytes > section_.size()) return std::nullopt;
    std::uint64_t out = 0;
    for (unsigned i = 0; i < bytes; ++i) out = out << 8 | section_[offset + i];
    return out;
  }

  std::optional<Head> head_at(std::uint64_t offset) const {
    const auto control = number(offset, 1);
    if (!control) return std::nullopt;
    ++offset;
    unsigned type = static_cast<unsigned>(*control >> 5);
    if (type == kPointer) return pointer_at(static_cast<unsigned>(*control), offset);
    if (type == 0) {
      const auto extended = number(offset, 1);
      if (!extended) return std::nullopt;
      type = static_cast<unsigned>(*extended) + 7;
      ++offset;
    }
    const unsigned size = static_cast<unsigned>(*control & 31);
    if (size < 29) return Head{type, size, offset};
    constexpr std::array<std::uint64_t, 3> kBase = {29, 285, 65821};
    const unsigned more = size - 28;
    const auto rest = number(offset, more);
    if (!rest) return std::nullopt;
    return Head{type, kBase[more - 1] + *rest, offset + more};
  }

  std::optional<Head> pointer_at(unsigned control, std::uint64_t offset) const {
    constexpr std::array<std::uint64_t, 4> kBase = {0, 2048, 526336, 0};
    const unsigned kind = control >> 3 & 3;
    const auto rest = number(offset, kind + 1);
    if (!rest) return std::nullopt;
    const std::uint64_t high = kind == 3 ? 0 : std::uint64_t{control & 7} << (8 * (kind + 1));
    return Head{kPointer, kBase[kind] + (high | *rest), offset + kind + 1};
  }

  std::span<const std::uint8_t> section_;
  unsigned parts_ = 0;
};

}  // namespace

unsigned mmdb_parts_of(std::span<const std::uint8_t> section, std::uint64_t offset) {
  Walk walk(section);
  return offset < section.size() && walk.value(offset, 0) ? walk.parts() : 0;
}

bool mmdb_value_is_sound(std::span<const std::uint8_t> section, std::uint64_t offset) {
  return mmdb_parts_of(section, offset) > 0;
}

MmdbMetadata check_mmdb_metadata(std::span<const std::uint8_t> file) {
  constexpr std::array<std::uint8_t, 14> kMarker = {0xAB, 0xCD, 0xEF, 'M', 'a', 'x', 'M',
                                                    'i',  'n',  'd',  '.', 'c', 'o', 'm'};
  constexpr std::size_t kSearched = 128 * 1024;  // from the end, says the specification
  const auto tail = file.last(std::min(file.size(), kSearched));
  const auto found = std::ranges::find_end(tail, kMarker);  // the last one counts
  if (found.empty()) return MmdbMetadata::missing;
  const auto section = tail.subspan(static_cast<std::size_t>(found.begin() - tail.begin()) + kMarker.size());
  if (section.empty() || section[0] >> 5 != kMap) return MmdbMetadata::unsound;
  // libmaxminddb before 1.12 loses its list of them when one is no string.
  const bool sound = mmdb_value_is_sound(section, 0) && Walk(section).are_strings(0, "languages");
  if (!sound) return MmdbMetadata::unsound;
  // libmaxminddb before 1.13 reckons the tree's size in 32 bits, and reads far behind a file of too many nodes; some of
  // them while it opens it.
  constexpr std::uint64_t kSeparator = 16;
  const std::uint64_t nodes = Walk(section).largest(0, "node_count");
  const std::uint64_t tree = nodes * (Walk(section).largest(0, "record_size") / 4);  // of two records, in octets
  return tree + kSeparator > file.size() ? MmdbMetadata::tree_too_large : MmdbMetadata::sound;
}

}  // namespace shared::load
