#pragma once
// Readers of single values: text, numbers with ranges, durations and sizes with mandatory units, addresses, enums,
// paths. Each rejects with a message that shows the bad value and a good one. Pure; readers are immutable values, any
// thread.

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"
#include "shared/load/reader.h"

namespace shared::load {

struct Rate {
  double per_second = 0;
};

template <class E>
struct EnumName {
  std::string_view name;
  E value;
};

[[nodiscard]] Reader<bool> boolean();          // true or false only
[[nodiscard]] Reader<std::string> text();      // any scalar, not empty
[[nodiscard]] Reader<std::string> any_text();  // may be empty
[[nodiscard]] Reader<std::string> word();      // a name or code: check_word()
[[nodiscard]] Reader<double> number(double least, double most);
[[nodiscard]] Reader<double> percent();                                             // "5%": 5.0, 0 to 100
[[nodiscard]] Reader<Duration> duration(Duration least, Duration most);             // 10ms, 5s, 1m, 2h, 1d
[[nodiscard]] Reader<std::uint64_t> size(std::uint64_t least, std::uint64_t most);  // bytes: 512B, 64KiB, 10MiB, 1GiB
[[nodiscard]] Reader<Rate> rate();                                                  // 100/s, 10/m, 5/h; above zero
[[nodiscard]] Reader<IpAddress> ip_address();
[[nodiscard]] Reader<Prefix> prefix();      // a bare address is a host prefix
[[nodiscard]] Reader<Endpoint> endpoint();  // "192.0.2.1:53", "[2001:db8::1]:53"
// Relative to the folder of the file in which it is written.
[[nodiscard]] Reader<std::filesystem::path> file_path();
[[nodiscard]] Reader<Mode> mode();  // enforce, shadow, disabled
// The Node itself, unread: for the part of a file that belongs to another reader.
[[nodiscard]] Reader<Node> unread(std::string type);

// As one would write them: "1500ms", "2s", "5m"; "64KiB".
[[nodiscard]] std::string print_duration(Duration value);
[[nodiscard]] std::string print_size(std::uint64_t bytes);
[[nodiscard]] std::string print_number(double value);

[[nodiscard]] Reader<std::int64_t> integer_in(std::int64_t least, std::int64_t most);

// integer<std::uint16_t>(1, 65535)
template <class I>
[[nodiscard]] Reader<I> integer(I least, I most = std::numeric_limits<I>::max()) {
  static_assert(sizeof(I) < 8 || std::numeric_limits<I>::is_signed, "64 bits without sign do not fit");
  auto wide = integer_in(static_cast<std::int64_t>(least), static_cast<std::int64_t>(most));
  auto read = [inner = wide.read](const Node& node, Diagnostics& diagnostics) -> std::optional<I> {
    const auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return static_cast<I>(*value);
  };
  return Reader<I>{wide.type, std::move(read), [](const I& value) { return std::to_string(value); }};
}

// Index of the node's text in `names`; nothing and an error with the nearest name.
[[nodiscard]] std::optional<std::size_t> read_choice(const Node& node, std::span<const std::string_view> names,
                                                     Diagnostics& diagnostics);
[[nodiscard]] std::string choice_type(std::span<const std::string_view> names);

// one_of<Balance>({{"round_robin", Balance::round_robin}, ...}); the names must be literals.
template <class E>
[[nodiscard]] Reader<E> one_of(const std::vector<EnumName<E>>& table) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.name);
  auto read = [table, names](const Node& node, Diagnostics& diagnostics) -> std::optional<E> {
    const auto index = read_choice(node, names, diagnostics);
    if (!index) return std::nullopt;
    return table[*index].value;
  };
  auto print = [table](const E& value) {
    for (const auto& row : table) {
      if (row.value == value) return std::string(row.name);
    }
    return std::string();
  };
  return Reader<E>{choice_type(names), std::move(read), std::move(print)};
}

}  // namespace shared::load
