#pragma once
// What a SpanLane holds, read back: for tests. One thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/serve/account/span_lane.h"
#include "shared/core/ascii.h"
#include "shared/core/protobuf.h"

namespace edge::test {

struct ReadSpan {
  std::string trace, span, parent, state, name;  // ids in hexadecimal digits
  std::uint64_t kind = 0, began = 0, ended = 0, flags = 0, status = 0;
  std::string why;
  std::map<std::string, std::string> attributes;

  [[nodiscard]] std::string of(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }
};

inline std::string digits(std::string_view octets) {
  std::string text;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    text.push_back(shared::kHexDigits[octet >> 4U]);
    text.push_back(shared::kHexDigits[octet & 15U]);
  }
  return text;
}

inline void read_attribute(std::string_view pair, ReadSpan& span) {
  using namespace shared::protobuf;
  std::string key;
  std::string value;
  while (const auto part = take_field(pair)) {
    if (part->number == 1) key = part->octets;
    std::string_view any = part->number == 2 ? part->octets : std::string_view();
    while (const auto one = take_field(any)) {
      value = one->wire == Wire::octets ? std::string(one->octets) : std::to_string(one->value);
    }
  }
  span.attributes[key] = value;
}

inline ReadSpan read_span(std::string_view message) {
  using namespace shared::protobuf;
  ReadSpan span;
  while (const auto field = take_field(message)) {
    if (field->number == 1) span.trace = digits(field->octets);
    if (field->number == 2) span.span = digits(field->octets);
    if (field->number == 3) span.state = field->octets;
    if (field->number == 4) span.parent = digits(field->octets);
    if (field->number == 5) span.name = field->octets;
    if (field->number == 6) span.kind = field->value;
    if (field->number == 7) span.began = field->value;
    if (field->number == 8) span.ended = field->value;
    if (field->number == 9) read_attribute(field->octets, span);
    if (field->number == 16) span.flags = field->value;
    std::string_view status = field->number == 15 ? field->octets : std::string_view();
    while (const auto part = take_field(status)) {
      if (part->number == 2) span.why = part->octets;
      if (part->number == 3) span.status = part->value;
    }
  }
  return span;
}

inline std::vector<ReadSpan> read_spans(SpanLane& lane) {
  std::string batch;
  lane.drain(batch);
  std::vector<ReadSpan> spans;
  std::string_view rest = batch;
  while (const auto one = shared::protobuf::take_field(rest)) spans.push_back(read_span(one->octets));
  return spans;
}

}  // namespace edge::test
