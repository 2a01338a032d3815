#include "edge/core/message/trace_context.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "shared/core/ascii.h"
#include "shared/core/hash.h"
#include "shared/core/hex_text.h"

namespace edge {
namespace {

constexpr std::size_t kSize = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceSize = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kSpanSize = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::uint64_t kSpanSeed = 0x5350414E;

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

// What the first eight lower-case digits stand for, the first one highest.
std::uint32_t eight_digits(std::string_view text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data(), sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  word = (word & 0x0F0F0F0F0F0F0F0FULL) + ((word >> 6) & 0x0101010101010101ULL) * 9;
  word = (word | word >> 4) & 0x00FF00FF00FF00FFULL;
  word = (word | word >> 8) & 0x0000FFFF0000FFFFULL;
  return static_cast<std::uint32_t>(word | word >> 16);
}

// The last 56 bits of the id are random (Trace Context Level 2, "random-trace-id").
bool is_recorded(std::string_view trace, double share) {
  if (share >= 1) return true;  // the largest of them is 1 as a double
  const std::string_view random = trace.substr(trace.size() - 14);
  const std::uint64_t value = std::uint64_t{eight_digits(random)} << 24 | (eight_digits(random.substr(6)) & 0xFFFFFF);
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

std::string_view given_traceparent(const http::FieldList& fields) {
  if (fields.count(http::FieldId::traceparent) != 1) return {};
  return fields.find(http::FieldId::traceparent)->value;
}

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (!is_traceparent(text)) return std::nullopt;
  return TraceParent{.trace = text.substr(kTraceAt, kTraceSize),
                     .span = text.substr(kSpanAt, kSpanSize),
                     .recorded = (shared::hex_digit(text[kFlagsAt + 1]) & 1) != 0};
}

std::array<char, kSpanSize> span_of(std::string_view id) {
  std::uint64_t word = shared::hash_text(kSpanSeed, id);
  if (word == 0) word = 1;  // no id (Trace Context 3.2.2.4)
  std::array<char, kSpanSize> digits;
  shared::write_hex(digits.data(), word);
  return digits;
}

std::string with_span(std::string_view text, std::string_view span) {
  return std::string(text).replace(kSpanAt, kSpanSize, span);
}

TraceParentText::TraceParentText(std::string_view text) : size_(std::min(text.size(), text_.size())) {
  std::memcpy(text_.data(), text.data(), size_);
}

TraceParentText make_traceparent(std::string_view given, std::string_view trace, std::string_view span, double share) {
  const auto goes_on = parse_traceparent(given);
  const bool recorded = goes_on ? goes_on->recorded : is_recorded(trace, share);
  std::array<char, kSize> text;
  std::memcpy(text.data(), "00-", 3);
  std::memcpy(&text[kTraceAt], goes_on ? goes_on->trace.data() : trace.data(), kTraceSize);
  text[kSpanAt - 1] = '-';
  std::memcpy(&text[kSpanAt], span.data(), kSpanSize);
  std::memcpy(&text[kFlagsAt - 1], recorded ? "-01" : "-00", 3);
  return TraceParentText(std::string_view(text.data(), text.size()));
}

}  // namespace edge
