#pragma once
// write_v4(): an IPv4 address as text, for who writes some of them with each request: to_string() without a string, and
// from a table. Pure, any thread.

#include <array>
#include <cstddef>
#include <cstring>

#include "shared/core/ip.h"

namespace shared {

namespace detail {

// "0." to "255.", with the point behind.
struct Decimal {
  std::array<char, 4> text{};
  std::size_t size = 0;
};
inline constexpr std::array<Decimal, 256> kDecimals = [] {
  std::array<Decimal, 256> decimals{};
  for (std::size_t i = 0; i < decimals.size(); ++i) {
    Decimal& one = decimals[i];
    if (i >= 100) one.text[one.size++] = static_cast<char>('0' + i / 100);
    if (i >= 10) one.text[one.size++] = static_cast<char>('0' + i / 10 % 10);
    one.text[one.size++] = static_cast<char>('0' + i % 10);
    one.text[one.size++] = '.';
  }
  return decimals;
}();

}  // namespace detail

inline constexpr std::size_t kV4Room = 16;

// "192.0.2.1" to `at`, where kV4Room octets may be written, and where it ends. REQUIRES: the family is ipv4.
inline char* write_v4(char* at, const IpAddress& address) {
  for (std::size_t i = 0; i < 4; ++i) {
    const detail::Decimal& number = detail::kDecimals[address.bytes[i]];
    std::memcpy(at, number.text.data(), number.text.size());  // the next one takes back what this does not need
    at += number.size;
  }
  return at - 1;
}

}  // namespace shared
