#pragma once
// HTTP-date (RFC 9110 5.6.7): written in its one form, read in all three, without regard to case (RFC 9111 4.2). Wall
// time in whole seconds since 1970, UTC, no locale. Pure functions, any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

using UnixSeconds = std::int64_t;

struct DateText {
  static constexpr std::size_t kSize = 29;
  std::array<char, kSize> octets{};

  [[nodiscard]] std::string_view view() const { return {octets.data(), octets.size()}; }
};

// "Sun, 06 Nov 1994 08:49:37 GMT". What lies outside the years 1 to 9999 becomes the nearest that does not.
[[nodiscard]] DateText write_date(UnixSeconds time);

// Nothing when it is none, or has another zone than GMT. `now` says which century a year of two digits is in: a date
// that seems to be more than 50 years ahead lies in the past.
[[nodiscard]] std::optional<UnixSeconds> parse_date(std::string_view text, UnixSeconds now);

}  // namespace http
