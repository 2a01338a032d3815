#include "edge/core/content/accept_encoding.h"

#include <algorithm>
#include <optional>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::array<std::string_view, kCodings> kNames{"", "gzip", "br", "zstd"};
constexpr int kBest = 1000;

std::optional<Coding> coding_of(std::string_view name) {
  if (shared::equals_ignoring_case(name, "identity")) return Coding::identity;
  if (shared::equals_ignoring_case(name, "x-gzip")) return Coding::gzip;  // RFC 9110 8.4.1.3
  for (std::size_t i = 1; i < kCodings; ++i) {
    if (shared::equals_ignoring_case(name, kNames[i])) return static_cast<Coding>(i);
  }
  return std::nullopt;
}

// The weight among an element's parameters; a malformed one makes the coding not acceptable.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';');
    const std::string_view one = shared::trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || !shared::equals_ignoring_case(shared::trim(one.substr(0, equals)), "q"))
      continue;
    return std::max(0, parse_quality(shared::trim(one.substr(equals + 1))));
  }
  return kBest;
}

}  // namespace

std::string_view coding_name(Coding coding) { return kNames[static_cast<std::size_t>(coding)]; }

int parse_quality(std::string_view text) {
  constexpr std::size_t kLongest = 5;  // "0.123"
  if (text.empty() || text.size() > kLongest || (text[0] != '0' && text[0] != '1')) return -1;
  int value = text[0] - '0';
  if (text.size() > 1 && text[1] != '.') return -1;
  for (std::size_t i = 2; i < kLongest; ++i) {
    const char digit = i < text.size() ? text[i] : '0';
    if (!shared::is_digit(digit)) return -1;
    value = value * 10 + (digit - '0');
  }
  return value <= kBest ? value : -1;
}

AcceptedCodings::AcceptedCodings(const http::FieldList& fields) {
  std::array<std::optional<int>, kCodings> named{};
  std::optional<int> others;
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::accept_encoding) continue;
    http::for_each_element(field.value, [&](std::string_view element) {
      const std::size_t end = element.find(';');
      const std::string_view name = shared::trim(element.substr(0, end));
      const int weight = end == std::string_view::npos ? kBest : weight_of(element.substr(end + 1));
      if (name == "*") {
        if (!others) others = weight;
      } else if (const auto coding = coding_of(name)) {
        std::optional<int>& of_coding = named[static_cast<std::size_t>(*coding)];
        if (!of_coding) of_coding = weight;
      }
    });
  }
  for (std::size_t i = 0; i < kCodings; ++i) quality_[i] = named[i] ? *named[i] : others.value_or(0);
  // Identity need not be named; then whatever is named is liked better (RFC 9110 12.5.3).
  if (!named[0] && !others) quality_[0] = 1;
}

Coding AcceptedCodings::choose(std::span<const Coding> offered) const {
  Coding best = Coding::identity;
  int best_quality = quality(Coding::identity);
  for (const Coding coding : offered) {
    // Between a coding and none at the same weight the coding is what is wanted.
    const bool better = quality(coding) > best_quality || (best == Coding::identity && quality(coding) == best_quality);
    if (quality(coding) > 0 && better) {
      best = coding;
      best_quality = quality(coding);
    }
  }
  return best;
}

}  // namespace edge
