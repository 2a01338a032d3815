#pragma once
// JsonLine: one JSON object, written member by member into memory that has room for all of it: who writes counts before
// (RFC 8259 section 7: an octet of a text takes six at most), so that nothing is asked on the way. Keys are literals,
// with all that stands around them: `,"host":"` of a text, `,"status":` of a number. Used by one call; its thread.

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "shared/core/ascii.h"

namespace edge {

class JsonLine {
 public:
  static constexpr std::size_t kSlack = 8;  // octets behind the end that may be written, too
  // Of a text, without its key.
  [[nodiscard]] static constexpr std::size_t bound(std::string_view text) { return 6 * text.size() + 1; }

  explicit JsonLine(char* at) : begin_(at), p_(at) {}

  JsonLine& raw(std::string_view text) {
    std::memcpy(p_, text.data(), text.size());
    p_ += text.size();
    return *this;
  }
  template <std::size_t kSize>
  JsonLine& literal(const char (&text)[kSize]) {
    std::memcpy(p_, text, kSize - 1);
    p_ += kSize - 1;
    return *this;
  }
  // What a client sends is bytes, so all above 0x7E is escaped as if it were Latin-1.
  template <std::size_t kSize>
  JsonLine& text(const char (&key)[kSize], std::string_view value) {
    literal(key);
    escaped(value);
    *p_++ = '"';
    return *this;
  }
  template <std::size_t kSize>
  JsonLine& number(const char (&key)[kSize], std::uint64_t value) {
    constexpr std::ptrdiff_t kMostDigits = 20;
    literal(key);
    p_ = std::to_chars(p_, p_ + kMostDigits, value).ptr;
    return *this;
  }
  // Nearly every text is plain, and taken eight octets at a time.
  void escaped(std::string_view value) {
    const char* from = value.data();
    const char* const end = from + value.size();
    for (; end - from >= 8; from += 8) {
      std::uint64_t word;
      std::memcpy(&word, from, sizeof word);
      if (!is_plain(word)) {
        for (int i = 0; i < 8; ++i) put(from[i]);
        continue;
      }
      std::memcpy(p_, &word, sizeof word);
      p_ += sizeof word;
    }
    if (from == end) return;
    if constexpr (std::endian::native == std::endian::little) {
      const auto rest = static_cast<std::size_t>(end - from);
      const std::uint64_t word = last_word(from, rest);
      if (is_plain(word)) {
        std::memcpy(p_, &word, sizeof word);  // with what stands in for octets that there are none of: see kSlack
        p_ += rest;
        return;
      }
    }
    for (; from < end; ++from) put(*from);
  }

  // For who writes there by himself, and where that has ended.
  [[nodiscard]] char* at() const { return p_; }
  void end_at(char* end) { p_ = end; }
  [[nodiscard]] std::string_view view() const { return {begin_, static_cast<std::size_t>(p_ - begin_)}; }

 private:
  static constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }
  // False for some words of plain octets, too: such as have another one before them.
  static bool is_plain(std::uint64_t word) {
    constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
    constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
    // The highest bit of an octet that has none becomes set: below 0x20, 0x7F, and what an exclusive or has made zero.
    const std::uint64_t controls = (word - kOnes * 0x20) | (word + kOnes);
    const std::uint64_t quotes = ((word ^ (kOnes * '"')) - kOnes) | ((word ^ (kOnes * '\\')) - kOnes);
    return ((controls | quotes | word) & kHighs) == 0;
  }
  // Octets with spaces behind them. REQUIRES: little-endian, 0 < n < 8.
  static std::uint64_t last_word(const char* from, std::size_t n) {
    const std::uint64_t spaces = 0x2020202020202020ULL << (8 * n);
    if (n >= 4) {
      std::uint32_t first;
      std::uint32_t last;
      std::memcpy(&first, from, sizeof first);
      std::memcpy(&last, from + n - sizeof last, sizeof last);
      return spaces | first | std::uint64_t{last} << (8 * (n - sizeof last));
    }
    const auto octet = [from](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i); };
    return spaces | octet(0) | octet(n / 2) | octet(n - 1);
  }
  void put(char c) {
    if (is_plain(c)) {
      *p_++ = c;
    } else if (c == '"' || c == '\\') {
      *p_++ = '\\';
      *p_++ = c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      literal("\\u00");
      *p_++ = shared::kHexDigits[octet >> 4];
      *p_++ = shared::kHexDigits[octet & 15];
    }
  }

  char* begin_;
  char* p_;
};

}  // namespace edge
