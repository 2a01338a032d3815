#include "edge/core/message/otlp.h"

#include <algorithm>

#include "shared/core/ascii.h"
#include "shared/core/protobuf.h"

namespace edge {
namespace {

using shared::protobuf::put_fixed32;
using shared::protobuf::put_fixed64;
using shared::protobuf::put_key;
using shared::protobuf::put_number;
using shared::protobuf::put_octets;
using shared::protobuf::put_varint;
using shared::protobuf::varint_size;
using shared::protobuf::Wire;

// The names of attributes are those of this version of the semantic conventions.
constexpr std::string_view kSchema = "https://opentelemetry.io/schemas/1.45.0";
constexpr std::string_view kScope = "meridian-edge";

// Of Span.
constexpr std::uint32_t kTraceId = 1, kSpanId = 2, kTraceState = 3, kParentSpanId = 4, kName = 5, kKind = 6, kStart = 7,
                        kEnd = 8, kAttributes = 9, kStatus = 15, kFlags = 16;
constexpr std::uint32_t kSampled = 1;        // the low octet is that of traceparent
constexpr std::uint32_t kHasRemote = 0x100;  // the next bit means something
constexpr std::uint32_t kIsRemote = 0x200;
constexpr std::uint64_t kStatusError = 2;
// Of KeyValue and AnyValue.
constexpr std::uint32_t kKey = 1, kValue = 2, kText = 1, kInteger = 3;
constexpr std::uint32_t kSpans = 2;  // of ScopeSpans

// Octets of the sequence of UTF-8 that begins here (RFC 3629 4); 0: none does.
std::size_t sequence_at(std::string_view text) {
  const auto at = [&](std::size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = at(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : size;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// At most the bound, and no half of a character.
std::string_view cut_text(std::string_view text) {
  if (text.size() <= kMostSpanText) return text;
  std::size_t end = kMostSpanText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return text.substr(0, end);
}

void put_attribute(std::string& out, std::uint32_t field, std::string_view key, std::string_view value) {
  const std::size_t inner = 1 + varint_size(value.size()) + value.size();
  put_key(out, field, Wire::octets);
  put_varint(out, 1 + varint_size(key.size()) + key.size() + 1 + varint_size(inner) + inner);
  put_octets(out, kKey, key);
  put_key(out, kValue, Wire::octets);
  put_varint(out, inner);
  put_octets(out, kText, value);
}

}  // namespace

std::string span_text(std::string_view text) {
  bool good = true;
  for (std::string_view rest = text; good && !rest.empty();) {
    const std::size_t size = sequence_at(rest);
    good = size != 0;
    rest.remove_prefix(size);
  }
  if (good) return std::string(cut_text(text));
  std::string latin;
  for (const char c : text.substr(0, kMostSpanText)) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      latin.push_back(c);
    } else {
      latin.push_back(static_cast<char>(0xC0U | octet >> 6U));
      latin.push_back(static_cast<char>(0x80U | (octet & 0x3FU)));
    }
  }
  return std::string(cut_text(latin));
}

void append_octets(std::string& out, std::string_view digits) {
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(shared::hex_digit(digits[i]) << 4 | shared::hex_digit(digits[i + 1])));
  }
}

SpanWriter::SpanWriter(std::string& out, const SpanFrame& frame) : out_(out) {
  const auto id = [&](std::uint32_t field, std::string_view digits) {
    put_key(out, field, Wire::octets);
    put_varint(out, digits.size() / 2);
    append_octets(out, digits);
  };
  id(kTraceId, frame.trace);
  id(kSpanId, frame.span);
  if (!frame.state.empty() && frame.state.size() <= kMostSpanText) {
    put_octets(out, kTraceState, span_text(frame.state));
  }
  if (!frame.parent.empty()) id(kParentSpanId, frame.parent);
  put_octets(out, kName, span_text(frame.name));
  put_number(out, kKind, static_cast<std::uint64_t>(frame.kind));
  put_fixed64(out, kStart, static_cast<std::uint64_t>(frame.began_ns));
  put_fixed64(out, kEnd, static_cast<std::uint64_t>(std::max(frame.began_ns, frame.ended_ns)));
  const std::uint32_t remote = frame.parent_is_remote ? kIsRemote : 0;
  put_fixed32(out, kFlags, kSampled | kHasRemote | remote);
}

void SpanWriter::text(std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (is_ascii(value)) return put_attribute(out_, kAttributes, key, value.substr(0, kMostSpanText));
  put_attribute(out_, kAttributes, key, span_text(value));
}

void SpanWriter::number(std::string_view key, std::int64_t value) {
  const auto octets = static_cast<std::uint64_t>(value);
  const std::size_t inner = 1 + varint_size(octets);
  put_key(out_, kAttributes, Wire::octets);
  put_varint(out_, 1 + varint_size(key.size()) + key.size() + 1 + varint_size(inner) + inner);
  put_octets(out_, kKey, key);
  put_key(out_, kValue, Wire::octets);
  put_varint(out_, inner);
  put_number(out_, kInteger, octets);
}

void SpanWriter::fail(std::string_view why) {
  constexpr std::uint32_t kMessage = 2, kCode = 3;
  std::string status;
  if (!why.empty()) put_octets(status, kMessage, span_text(why));
  put_number(status, kCode, kStatusError);
  put_octets(out_, kStatus, status);
}

std::string write_resource(const SpanAttributes& attributes) {
  constexpr std::uint32_t kOfResource = 1;
  std::string out;
  for (const auto& [key, value] : attributes) {
    if (!value.empty()) put_attribute(out, kOfResource, key, span_text(value));
  }
  return out;
}

void append_batched(std::string& batch, std::string_view span) { put_octets(batch, kSpans, span); }

std::optional<std::size_t> next_batched(std::string_view batch) {
  std::string_view rest = batch;
  if (!shared::protobuf::take_field(rest)) return std::nullopt;
  return batch.size() - rest.size();
}

// What is inside is last in what is around it, so only the heads are put together.
std::string write_export(std::string_view resource, std::string_view version, std::string_view batch) {
  constexpr std::uint32_t kResourceSpans = 1, kResource = 1, kScopeSpans = 2, kSchemaUrl = 3, kOfScope = 1,
                          kVersion = 2;
  std::string scope;
  put_octets(scope, 1, kScope);
  put_octets(scope, kVersion, version);
  std::string of_scope;
  put_octets(of_scope, kOfScope, scope);
  put_octets(of_scope, kSchemaUrl, kSchema);
  std::string of_resource;
  put_octets(of_resource, kResource, resource);
  put_octets(of_resource, kSchemaUrl, kSchema);
  put_key(of_resource, kScopeSpans, Wire::octets);
  put_varint(of_resource, of_scope.size() + batch.size());
  std::string out;
  out.reserve(batch.size() + of_scope.size() + of_resource.size() + 16);
  put_key(out, kResourceSpans, Wire::octets);
  put_varint(out, of_resource.size() + of_scope.size() + batch.size());
  return out.append(of_resource).append(of_scope).append(batch);
}

std::optional<ExportAnswer> read_export_answer(std::string_view octets) {
  constexpr std::uint32_t kPartialSuccess = 1, kRejected = 1, kMessage = 2;
  ExportAnswer answer;
  while (!octets.empty()) {
    const auto field = shared::protobuf::take_field(octets);
    if (!field) return std::nullopt;
    if (field->number != kPartialSuccess || field->wire != Wire::octets) continue;
    for (std::string_view rest = field->octets; !rest.empty();) {
      const auto part = shared::protobuf::take_field(rest);
      if (!part) return std::nullopt;
      const bool negative = part->value >> 63U != 0;
      if (part->number == kRejected && part->wire == Wire::varint && !negative) answer.rejected = part->value;
      if (part->number == kMessage && part->wire == Wire::octets) answer.message = span_text(part->octets);
    }
  }
  return answer;
}

}  // namespace edge
