#include "edge/core/message/trace_context.h"

#include <algorithm>
#include <cstdint>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::size_t kSize = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceSize = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kSpanSize = 16;
constexpr std::size_t kFlagsAt = 53;

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

// The last 56 bits of the id are random (Trace Context Level 2, "random-trace-id").
bool is_recorded(std::string_view trace, double share) {
  if (share >= 1) return true;  // the largest of them is 1 as a double
  std::uint64_t value = 0;
  for (const char c : trace.substr(trace.size() - 14)) value = value * 16 + static_cast<unsigned>(shared::hex_digit(c));
  return static_cast<double>(value) < share * 0x1.0p56;
}

}  // namespace

bool is_traceparent(std::string_view text) {
  if (text.size() < kSize || text[2] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(kTraceAt, kTraceSize);
  const std::string_view span = text.substr(kSpanAt, kSpanSize);
  if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(span) || version == "ff") return false;
  if (!is_lower_hex(text.substr(kFlagsAt, 2)) || is_zero(trace) || is_zero(span)) return false;
  return version == "00" ? text.size() == kSize : text.size() == kSize || text[kSize] == '-';
}

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (!is_traceparent(text)) return std::nullopt;
  return TraceParent{.trace = text.substr(kTraceAt, kTraceSize),
                     .span = text.substr(kSpanAt, kSpanSize),
                     .recorded = (shared::hex_digit(text[kFlagsAt + 1]) & 1) != 0};
}

std::string with_span(std::string_view text, std::string_view span) {
  return std::string(text).replace(kSpanAt, kSpanSize, span);
}

std::string make_traceparent(std::string_view given, std::string_view trace, std::string_view span, double share) {
  const auto goes_on = parse_traceparent(given);
  std::string text;
  text.reserve(kSize);
  text.append("00-").append(goes_on ? goes_on->trace : trace).append("-").append(span);
  const bool recorded = goes_on ? goes_on->recorded : is_recorded(trace, share);
  return text.append(recorded ? "-01" : "-00");
}

}  // namespace edge
