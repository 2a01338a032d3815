#pragma once
// Domain names in wire form: length octet, label, ... , 0. Three shapes:
//   a span            somebody else's octets, case as they came
//   Name              an owned, lowercased (canonical) name: keys, configuration, apexes
//   HashedName        a lowercased copy with the offset and hash of every suffix, for the answer path; no allocation
// Names are at most 255 octets and 127 labels. Pure values, any thread.

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/core/wire/wire.h"
#include "shared/core/result.h"

namespace dns {

using NameSpan = std::span<const std::uint8_t>;  // one complete uncompressed name

// Length of the uncompressed name at the front of `bytes`; 0 if there is none (too long, cut off, or a pointer).
[[nodiscard]] std::size_t name_length(std::span<const std::uint8_t> bytes);

// Presentation form with the final dot, escapes as in RFC 1035 5.1 (\. and \DDD).
[[nodiscard]] std::string name_to_text(NameSpan name);

// Equal but for the case of ASCII letters (RFC 4343).
[[nodiscard]] bool names_equal(NameSpan a, NameSpan b);

// The same octets.
[[nodiscard]] bool same_octets(NameSpan a, NameSpan b);

// Canonical order, RFC 4034 section 6.1. Both lowercased by the caller; both with the root or both without.
[[nodiscard]] std::strong_ordering compare_canonical(NameSpan a, NameSpan b);

// A name as it is written, case kept.
struct WrittenName {
  std::array<std::uint8_t, kMaxNameSize> bytes{};
  std::uint8_t size = 0;  // with the root
  bool absolute = false;  // ended with a dot that was not escaped

  [[nodiscard]] NameSpan wire() const { return {bytes.data(), size}; }
};

// RFC 1035 section 5.1, escapes included. An error says what is wrong with it.
[[nodiscard]] shared::Result<WrittenName> read_name(std::string_view text);

class Name {
 public:
  Name() : bytes_{0}, size_(1) {}  // the root

  // A complete uncompressed name, no octet more. Lowercases.
  [[nodiscard]] static std::optional<Name> from_wire(std::span<const std::uint8_t> wire);
  // "www.example.com" or "www.example.com."; absolute in both forms. An error says what is wrong with which label.
  [[nodiscard]] static shared::Result<Name> from_text(std::string_view text);

  [[nodiscard]] NameSpan wire() const { return {bytes_.data(), size_}; }
  [[nodiscard]] std::string to_text() const { return name_to_text(wire()); }
  [[nodiscard]] std::size_t label_count() const;  // without the root
  [[nodiscard]] bool is_root() const { return size_ == 1; }
  // This name is `ancestor` or below it.
  [[nodiscard]] bool is_within(const Name& ancestor) const;

  bool operator==(const Name& other) const;
  std::strong_ordering operator<=>(const Name& other) const { return compare_canonical(wire(), other.wire()); }

 private:
  std::array<std::uint8_t, kMaxNameSize> bytes_;
  std::uint8_t size_;
};

// The hash of a name grows from the root: hash(label.parent) = hash_label(hash(parent), label), so that one pass from
// the right gives the hash of every suffix. The root's is drawn at random by each process, lest somebody choose names
// that all fall into one place of a table: hashes of names mean nothing to another process. `label` points to its
// length octet; lowercased.
[[nodiscard]] std::uint64_t hash_label(std::uint64_t parent, const std::uint8_t* label);

// Label i begins at offset(i); suffix i is the name from label i on; suffix labels() is the root.
class HashedName {
 public:
  HashedName() {}  // NOLINT: members stay uninitialised on purpose, assign() fills what is used; 1.4 KB

  // Reads one uncompressed name from the front of `bytes`. Returns its length, 0 if there is none (see name_length).
  std::size_t assign(std::span<const std::uint8_t> bytes);
  // The name at `at` of a message of our own, which may be shortened (RFC 1035 section 4.1.4). What it shares with the
  // message's question is taken from there: a hash grows from the root, so that of a suffix is the same in both.
  // REQUIRES: `question` stands behind the message's header, in one piece.
  void assign_at(std::span<const std::uint8_t> message, std::size_t at, const HashedName& question);
  // The same of a message whose question nobody has looked at.
  void assign_at(std::span<const std::uint8_t> message, std::size_t at);

  [[nodiscard]] NameSpan wire() const { return {bytes_.data(), size_}; }
  [[nodiscard]] NameSpan suffix(unsigned label) const { return wire().subspan(offsets_[label]); }
  [[nodiscard]] unsigned labels() const { return labels_; }
  [[nodiscard]] unsigned offset(unsigned label) const { return offsets_[label]; }
  [[nodiscard]] std::uint64_t hash(unsigned label) const { return hashes_[label]; }
  // This name is suffix `label` of the other, or below it.
  [[nodiscard]] bool is_within(const HashedName& other, unsigned label) const;

 private:
  // Where the labels of a name of a message stand, and the end of what was read.
  struct Labels {
    std::array<std::uint16_t, kMaxLabels + 1> from;  // NOLINT: filled as far as there are labels
    std::size_t end = 0;
  };

  void copy_lowered(std::span<const std::uint8_t> bytes);
  void copy_label(std::span<const std::uint8_t> message, std::size_t from, std::size_t to);
  std::size_t read_labels(std::span<const std::uint8_t> message, std::size_t at, std::size_t known_end, Labels& labels);
  void append_suffix(const HashedName& other, unsigned label);
  void hash_labels(std::span<const std::uint8_t> message, const Labels& labels, unsigned count);

  std::uint8_t size_;
  std::uint8_t labels_;
  std::array<std::uint8_t, kMaxNameSize + 9> bytes_;  // room to read and write whole words
  std::array<std::uint8_t, kMaxLabels + 1> offsets_;
  std::array<std::uint64_t, kMaxLabels + 1> hashes_;
};

// Inline: names are short, and a call of memcmp costs more than the words of most of them.
inline bool same_octets(NameSpan a, NameSpan b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto differ = [&]<class Word>(std::size_t at, Word x) {
    Word y = 0;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    return x != y;
  };
  if (size < 4) {
    for (std::size_t at = 0; at < size; ++at) {
      if (a[at] != b[at]) return false;
    }
    return true;
  }
  if (size < 8) return !differ(0, std::uint32_t{}) && !differ(size - 4, std::uint32_t{});
  for (std::size_t at = 0; at + 8 <= size; at += 8) {
    if (differ(at, std::uint64_t{})) return false;
  }
  return !differ(size - 8, std::uint64_t{});
}

}  // namespace dns
