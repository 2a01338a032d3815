#include "shared/http/date.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "shared/core/ascii.h"

namespace http {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr UnixSeconds kDay = 86400;
constexpr UnixSeconds kFirst = -62135596800;  // of the year 1
constexpr UnixSeconds kLast = 253402300799;   // of the year 9999

// The text from its front; what does not fit leaves `good` false for good.
struct Cursor {
  std::string_view rest;
  bool good = true;

  void literal(std::string_view text) {
    good = good && shared::equals_ignoring_case(rest.substr(0, text.size()), text);
    if (good) rest.remove_prefix(text.size());
  }
  int number(std::size_t digits) {
    int value = 0;
    good = good && rest.size() >= digits;
    for (std::size_t i = 0; good && i < digits; ++i) {
      good = shared::is_digit(rest[i]);
      value = value * 10 + (rest[i] - '0');
    }
    if (good) rest.remove_prefix(digits);
    return value;
  }
  // The index of the name that comes next, of which `letters` are written; 0: all of them.
  template <std::size_t kCount>
  int name(const std::array<std::string_view, kCount>& names, std::size_t letters) {
    for (std::size_t i = 0; good && i < kCount; ++i) {
      const std::string_view name = letters == 0 ? names[i] : names[i].substr(0, letters);
      if (!shared::equals_ignoring_case(rest.substr(0, name.size()), name)) continue;
      rest.remove_prefix(name.size());
      return static_cast<int>(i);
    }
    good = false;
    return 0;
  }
};

struct Parts {
  int year = 0;
  int month = 0;  // 0 to 11
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<UnixSeconds> seconds_of(const Parts& parts) {
  const std::chrono::year_month_day date{std::chrono::year(parts.year),
                                         std::chrono::month(static_cast<unsigned>(parts.month) + 1),
                                         std::chrono::day(static_cast<unsigned>(parts.day))};
  // The 61st second of a minute is a leap second's.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<UnixSeconds>(days) * kDay + parts.hour * 3600 + parts.minute * 60 + parts.second;
}

void read_time(Cursor& from, Parts& parts) {
  parts.hour = from.number(2);
  from.literal(":");
  parts.minute = from.number(2);
  from.literal(":");
  parts.second = from.number(2);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<UnixSeconds> parse_fixdate(std::string_view text) {
  Cursor from{text};
  Parts parts;
  from.name(kDays, 3);
  from.literal(", ");
  parts.day = from.number(2);
  from.literal(" ");
  parts.month = from.name(kMonths, 0);
  from.literal(" ");
  parts.year = from.number(4);
  from.literal(" ");
  read_time(from, parts);
  from.literal(" GMT");
  return from.good && from.rest.empty() ? seconds_of(parts) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<UnixSeconds> parse_rfc850(std::string_view text, UnixSeconds now) {
  Cursor from{text};
  Parts parts;
  from.name(kDays, 0);
  from.literal(", ");
  parts.day = from.number(2);
  from.literal("-");
  parts.month = from.name(kMonths, 0);
  from.literal("-");
  const int year = from.number(2);
  from.literal(" ");
  read_time(from, parts);
  from.literal(" GMT");
  if (!from.good || !from.rest.empty()) return std::nullopt;
  const std::chrono::sys_days today(std::chrono::days(std::clamp(now, kFirst, kLast) / kDay));
  const int present = static_cast<int>(std::chrono::year_month_day(today).year());
  parts.year = present / 100 * 100 + year;
  if (parts.year > present + 50) parts.year -= 100;
  return seconds_of(parts);
}

// "Sun Nov  6 08:49:37 1994"
std::optional<UnixSeconds> parse_asctime(std::string_view text) {
  Cursor from{text};
  Parts parts;
  from.name(kDays, 3);
  from.literal(" ");
  parts.month = from.name(kMonths, 0);
  from.literal(" ");
  const bool one_digit = from.rest.starts_with(' ');
  if (one_digit) from.literal(" ");
  parts.day = from.number(one_digit ? 1 : 2);
  from.literal(" ");
  read_time(from, parts);
  from.literal(" ");
  parts.year = from.number(4);
  return from.good && from.rest.empty() ? seconds_of(parts) : std::nullopt;
}

}  // namespace

DateText write_date(UnixSeconds time) {
  const std::chrono::sys_seconds point(std::chrono::seconds(std::clamp(time, kFirst, kLast)));
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(midnight);
  const auto in_day = static_cast<unsigned>((point - midnight).count());
  DateText text;
  char* out = text.octets.data();
  const auto put = [&out](std::string_view what) {
    std::memcpy(out, what.data(), what.size());
    out += what.size();
  };
  // By constants: an answer without a date of its server's has one written for it.
  const auto two = [&out](unsigned value) {
    *out++ = static_cast<char>('0' + value / 10);
    *out++ = static_cast<char>('0' + value % 10);
  };
  put(kDays[std::chrono::weekday(midnight).c_encoding()].substr(0, 3));
  put(", ");
  two(static_cast<unsigned>(date.day()));
  put(" ");
  put(kMonths[static_cast<unsigned>(date.month()) - 1]);
  put(" ");
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  two(year / 100);
  two(year % 100);
  put(" ");
  two(in_day / 3600);
  put(":");
  two(in_day / 60 % 60);
  put(":");
  two(in_day % 60);
  put(" GMT");
  return text;
}

std::optional<UnixSeconds> parse_date(std::string_view text, UnixSeconds now) {
  if (const auto time = parse_fixdate(text)) return time;
  if (const auto time = parse_rfc850(text, now)) return time;
  return parse_asctime(text);
}

}  // namespace http
