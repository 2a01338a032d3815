#include "shared/load/values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "shared/load/nearest.h"

namespace shared::load {
namespace {

// "1.5GiB" is a number and its unit.
struct Quantity {
  double number = 0;
  std::string_view unit;
};

std::optional<Quantity> parse_quantity(std::string_view text) {
  Quantity out;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), out.number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(out.number)) return std::nullopt;
  out.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return out;
}

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 5> kDurationUnits = {{{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
constexpr std::array<Unit, 4> kSizeUnits = {{{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}}};
constexpr std::array<Unit, 3> kRateUnits = {{{"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}}};

// The number in the base unit; nothing and an error that names the units.
std::optional<double> read_quantity(const Node& node, std::span<const Unit> units, const std::string& example,
                                    Diagnostics& diagnostics) {
  if (!expect_scalar(node, example, diagnostics)) return std::nullopt;
  const auto quantity = parse_quantity(node.text);
  if (!quantity) {
    expected(node, example, diagnostics);
    return std::nullopt;
  }
  for (const Unit& unit : units) {
    if (unit.name == quantity->unit) return quantity->number * unit.factor;
  }
  std::string names;
  for (const Unit& unit : units) names += (names.empty() ? "" : ", ") + std::string(unit.name);
  const std::string what = quantity->unit.empty() ? "has no unit" : "has an unknown unit";
  complain(node, node.describe() + " " + what + "; write " + example + " (units: " + names + ")", diagnostics);
  return std::nullopt;
}

std::string print_with_units(double value, std::span<const Unit> units) {
  for (std::size_t i = units.size(); i-- > 0;) {
    if (value != 0 && std::fmod(value, units[i].factor) == 0) {
      return print_number(value / units[i].factor) + std::string(units[i].name);
    }
  }
  return print_number(value / units[0].factor) + std::string(units[0].name);
}

void out_of_range(const Node& node, const std::string& least, const std::string& most, Diagnostics& diagnostics) {
  complain(node, node.describe() + " is out of range: " + least + " to " + most, diagnostics);
}

// YAML 1.1 tools read 010 as eight.
bool has_leading_zero(std::string_view digits) {
  if (digits.starts_with('-')) digits.remove_prefix(1);
  return digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
}

void leading_zero(const Node& node, Diagnostics& diagnostics) {
  complain(node, node.describe() + " begins with a zero, and YAML 1.1 tools would read it as octal; leave it out",
           diagnostics);
}

// A reader of one scalar by a parser that returns an optional.
template <class V, class Parse, class Print>
Reader<V> parsed(std::string type, std::string example, Parse parse, Print print) {
  auto read = [example, parse](const Node& node, Diagnostics& diagnostics) -> std::optional<V> {
    if (!expect_scalar(node, example, diagnostics)) return std::nullopt;
    auto value = parse(node.text);
    if (!value) expected(node, example, diagnostics);
    return value;
  };
  return Reader<V>{std::move(type), std::move(read), std::move(print)};
}

std::string same(const std::string& value) { return value; }

}  // namespace

std::string print_number(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::string(text.data(), end) : std::to_string(value);
}

std::string print_duration(Duration value) {
  return print_with_units(static_cast<double>(std::chrono::duration_cast<nanoseconds>(value).count()), kDurationUnits);
}

std::string print_size(std::uint64_t bytes) { return print_with_units(static_cast<double>(bytes), kSizeUnits); }

Reader<bool> boolean() {
  auto parse = [](std::string_view text) -> std::optional<bool> {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
  };
  return parsed<bool>("true or false", "true or false", parse,
                      [](bool value) { return std::string(value ? "true" : "false"); });
}

Reader<std::string> text() {
  auto parse = [](const std::string& value) { return value.empty() ? std::nullopt : std::optional(value); };
  return parsed<std::string>("text", "a text that is not empty", parse, same);
}

Reader<std::string> any_text() {
  auto parse = [](const std::string& value) { return std::optional(value); };
  return parsed<std::string>("text", "a text", parse, [](const std::string& value) { return "\"" + value + "\""; });
}

Reader<std::string> word() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<std::string> {
    if (!check_word(node, diagnostics)) return std::nullopt;
    return node.text;
  };
  return Reader<std::string>{"name", std::move(read), same};
}

Reader<std::int64_t> integer_in(std::int64_t least, std::int64_t most) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  auto read = [=](const Node& node, Diagnostics& diagnostics) -> std::optional<std::int64_t> {
    if (!expect_scalar(node, "a whole number, " + range, diagnostics)) return std::nullopt;
    std::int64_t value = 0;
    const char* last = node.text.data() + node.text.size();
    const auto [end, error] = std::from_chars(node.text.data(), last, value);
    if (end != last || error == std::errc::invalid_argument) {
      expected(node, "a whole number, " + range, diagnostics);
      return std::nullopt;
    }
    if (has_leading_zero(node.text)) {
      leading_zero(node, diagnostics);
      return std::nullopt;
    }
    if (error == std::errc{} && value >= least && value <= most) return value;
    out_of_range(node, std::to_string(least), std::to_string(most), diagnostics);
    return std::nullopt;
  };
  return Reader<std::int64_t>{"number, " + range, std::move(read),
                              [](std::int64_t value) { return std::to_string(value); }};
}

Reader<double> number(double least, double most) {
  const std::string range = print_number(least) + " to " + print_number(most);
  auto read = [=](const Node& node, Diagnostics& diagnostics) -> std::optional<double> {
    if (!expect_scalar(node, "a number, " + range, diagnostics)) return std::nullopt;
    const auto quantity = parse_quantity(node.text);
    if (!quantity || !quantity->unit.empty()) {
      expected(node, "a number, " + range, diagnostics);
      return std::nullopt;
    }
    if (has_leading_zero(node.text)) {
      leading_zero(node, diagnostics);
      return std::nullopt;
    }
    if (quantity->number >= least && quantity->number <= most) return quantity->number;
    out_of_range(node, print_number(least), print_number(most), diagnostics);
    return std::nullopt;
  };
  return Reader<double>{"number, " + range, std::move(read), print_number};
}

Reader<double> percent() {
  constexpr std::array<Unit, 1> kPercent = {{{"%", 1}}};
  auto read = [kPercent](const Node& node, Diagnostics& diagnostics) -> std::optional<double> {
    const auto value = read_quantity(node, kPercent, "a percentage such as 5%", diagnostics);
    if (!value || (*value >= 0 && *value <= 100)) return value;
    out_of_range(node, "0%", "100%", diagnostics);
    return std::nullopt;
  };
  return Reader<double>{"percentage", std::move(read), [](double value) { return print_number(value) + "%"; }};
}

Reader<Duration> duration(Duration least, Duration most) {
  const std::string low = print_duration(least);
  const std::string high = print_duration(most);
  auto read = [=](const Node& node, Diagnostics& diagnostics) -> std::optional<Duration> {
    const auto value = read_quantity(node, kDurationUnits, "a duration such as 5s", diagnostics);
    if (!value) return std::nullopt;
    const auto count = [](Duration bound) { return static_cast<double>(nanoseconds(bound).count()); };
    if (*value >= count(least) && *value <= count(most)) return nanoseconds(std::llround(*value));
    out_of_range(node, low, high, diagnostics);
    return std::nullopt;
  };
  return Reader<Duration>{"duration, " + low + " to " + high, std::move(read), print_duration};
}

Reader<std::uint64_t> size(std::uint64_t least, std::uint64_t most) {
  const std::string low = print_size(least);
  const std::string high = print_size(most);
  auto read = [=](const Node& node, Diagnostics& diagnostics) -> std::optional<std::uint64_t> {
    const auto value = read_quantity(node, kSizeUnits, "a size such as 64KiB", diagnostics);
    if (!value) return std::nullopt;
    if (*value >= static_cast<double>(least) && *value <= static_cast<double>(most)) {
      return static_cast<std::uint64_t>(*value);
    }
    out_of_range(node, low, high, diagnostics);
    return std::nullopt;
  };
  return Reader<std::uint64_t>{"size, " + low + " to " + high, std::move(read), print_size};
}

Reader<Rate> rate() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<Rate> {
    const auto value = read_quantity(node, kRateUnits, "a rate such as 100/s", diagnostics);
    if (!value) return std::nullopt;
    if (*value > 0 && *value <= 1e9) return Rate{*value};
    out_of_range(node, "above 0", "1000000000/s", diagnostics);
    return std::nullopt;
  };
  return Reader<Rate>{"rate", std::move(read), [](const Rate& value) { return print_number(value.per_second) + "/s"; }};
}

Reader<IpAddress> ip_address() {
  return parsed<IpAddress>("IP address", "an IP address such as 192.0.2.1 or 2001:db8::1", IpAddress::parse,
                           [](const IpAddress& value) { return value.to_string(); });
}

Reader<Prefix> prefix() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<Prefix> {
    if (!expect_scalar(node, "a prefix such as 203.0.113.0/24", diagnostics)) return std::nullopt;
    auto value = Prefix::parse(node.text);
    if (value) return *value;
    complain(node, value.error().message, diagnostics);
    return std::nullopt;
  };
  return Reader<Prefix>{"IP prefix", std::move(read), [](const Prefix& value) { return value.to_string(); }};
}

Reader<Endpoint> endpoint() {
  return parsed<Endpoint>("address and port", "an address and a port such as 192.0.2.1:53 or [2001:db8::1]:53",
                          Endpoint::parse, [](const Endpoint& value) { return value.to_string(); });
}

Reader<std::filesystem::path> file_path() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<std::filesystem::path> {
    if (!expect_scalar(node, "the path of a file", diagnostics)) return std::nullopt;
    if (node.text.empty() || node.text.find('\0') != std::string::npos) {
      expected(node, "the path of a file", diagnostics);
      return std::nullopt;
    }
    const std::filesystem::path folder = node.at.file ? std::filesystem::path(*node.at.file).parent_path() : "";
    return (folder / node.text).lexically_normal();
  };
  return Reader<std::filesystem::path>{"path", std::move(read),
                                       [](const std::filesystem::path& value) { return value.string(); }};
}

Reader<Mode> mode() {
  return one_of<Mode>({{"enforce", Mode::enforce}, {"shadow", Mode::shadow}, {"disabled", Mode::disabled}});
}

Reader<Node> unread(std::string type) {
  return custom<Node>(std::move(type), [](const Node& node, Diagnostics&) { return std::optional(node); });
}

std::optional<std::size_t> read_choice(const Node& node, std::span<const std::string_view> names,
                                       Diagnostics& diagnostics) {
  if (!expect_scalar(node, "one of " + choice_type(names), diagnostics)) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), node.text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  complain(node, "unknown value " + node.describe() + suggestion(node.text, names), diagnostics);
  return std::nullopt;
}

std::string choice_type(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace shared::load
