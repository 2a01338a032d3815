#pragma once
// Where a run of ordinary octets of a head ends: names are made of letters and hyphens, values of what is no control,
// targets of visible ASCII without '#'. Sixteen octets at a time where the processor has SSE2, as every x86-64 has,
// eight elsewhere and at the end of a buffer, which is never read past. Pure functions, any thread.

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace http {
namespace scan {

inline constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
inline constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

inline std::uint64_t load(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// The bits of these mark octets that end the run; of a word only the lowest is sure to be a true one.
struct Control {
  static bool ends(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
  static std::uint64_t marks(std::uint64_t word) {
    const std::uint64_t del = word ^ (kOnes * 0x7F);
    const std::uint64_t below = (word - kOnes * 0x20) & ~word;
    return (((del - kOnes) & ~del) | below) & kHighs;
  }
#if defined(__SSE2__)
  static __m128i marks(__m128i octets) {
    const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(octets, _mm_set1_epi8(0x1F)), octets);
    return _mm_or_si128(below, _mm_cmpeq_epi8(octets, _mm_set1_epi8(0x7F)));
  }
#endif
};

// Neither a letter nor a hyphen.
struct Odd {
  static bool ends(char c) {
    const char small = static_cast<char>(c | 0x20);
    return (small < 'a' || small > 'z') && c != '-';
  }
  static std::uint64_t marks(std::uint64_t word) {
    const std::uint64_t small = (word | kOnes * 0x20) & ~kHighs;
    const std::uint64_t letter = (small + kOnes * (0x80 - 'a')) & ~(small + kOnes * (0x7F - 'z'));
    const std::uint64_t other = word ^ (kOnes * '-');
    const std::uint64_t hyphen = ~(((other & ~kHighs) + ~kHighs) | other);
    return (~(letter | hyphen) | word) & kHighs;
  }
#if defined(__SSE2__)
  static __m128i marks(__m128i octets) {  // compared as signed numbers: those from 0x80 on are below all letters
    const __m128i small = _mm_or_si128(octets, _mm_set1_epi8(0x20));
    const __m128i letter =
        _mm_and_si128(_mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(small, _mm_set1_epi8('z' + 1)));
    const __m128i hyphen = _mm_cmpeq_epi8(octets, _mm_set1_epi8('-'));
    return _mm_cmpeq_epi8(_mm_or_si128(letter, hyphen), _mm_setzero_si128());
  }
#endif
};

// No part of a request's target: not visible, no ASCII, or the sign of a fragment, which is never sent (RFC 9112 3.2).
struct NoTarget {
  static bool ends(char c) { return static_cast<unsigned char>(c - 0x21) > 0x7E - 0x21 || c == '#'; }
  static std::uint64_t marks(std::uint64_t word) {
    const std::uint64_t del = word ^ (kOnes * 0x7F);
    const std::uint64_t fragment = word ^ (kOnes * '#');
    const std::uint64_t below = (word - kOnes * 0x21) & ~word;
    return (((del - kOnes) & ~del) | ((fragment - kOnes) & ~fragment) | below | word) & kHighs;
  }
#if defined(__SSE2__)
  static __m128i marks(__m128i octets) {  // compared as signed numbers: those from 0x80 on are below a space, too
    const __m128i below = _mm_cmplt_epi8(octets, _mm_set1_epi8(0x21));
    const __m128i del = _mm_cmpeq_epi8(octets, _mm_set1_epi8(0x7F));
    return _mm_or_si128(_mm_or_si128(below, del), _mm_cmpeq_epi8(octets, _mm_set1_epi8('#')));
  }
#endif
};

// By eights and then one by one.
template <class Kind>
const char* by_words(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - p >= 8; p += 8) {
      const std::uint64_t marks = Kind::marks(load(p));
      if (marks != 0) return p + std::countr_zero(marks) / 8;
    }
  }
  while (p < end && !Kind::ends(*p)) ++p;
  return p;
}

template <class Kind>
inline const char* run(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto marks = static_cast<unsigned>(_mm_movemask_epi8(Kind::marks(octets)));
    if (marks != 0) return p + std::countr_zero(marks);
  }
#endif
  return by_words<Kind>(p, end);
}

}  // namespace scan

// The first octet that is below 0x20 or 0x7F; `end` if there is none.
[[nodiscard]] inline const char* find_control(const char* p, const char* end) {
  return scan::run<scan::Control>(p, end);
}

// Likewise the first that is neither a letter nor a hyphen.
[[nodiscard]] inline const char* find_odd(const char* p, const char* end) { return scan::run<scan::Odd>(p, end); }
// Likewise the first that no target has: a space, where all is well.
[[nodiscard]] inline const char* find_target_end(const char* p, const char* end) {
  return scan::run<scan::NoTarget>(p, end);
}

}  // namespace http
