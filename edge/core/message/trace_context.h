#pragma once
// W3C Trace Context: the field `traceparent`, by which what one request causes in many servers is told as one trace.
// One that a trusted client sends goes on as its trace, under a new id for this hop; else a trace begins here, of which
// a part is marked as one to be recorded. Pure, any thread.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", version 00 or a later one that begins so.
[[nodiscard]] bool is_traceparent(std::string_view text);

// The one that a message has; empty: it has none, or several, of which none is to be believed.
[[nodiscard]] std::string_view given_traceparent(const http::FieldList& fields);

// Its parts; views are into `text`.
struct TraceParent {
  std::string_view trace;  // 32 hexadecimal digits
  std::string_view span;   // 16
  bool recorded = false;   // "sampled"
};
[[nodiscard]] std::optional<TraceParent> parse_traceparent(std::string_view text);
// The same trace, and another span of it. REQUIRES: is_traceparent(text).
[[nodiscard]] std::string with_span(std::string_view text, std::string_view span);

// An id for a span, 16 digits: of another id that nobody else has.
[[nodiscard]] std::array<char, 16> span_of(std::string_view id);

// One of ours, kept in place: 55 octets, or none.
class TraceParentText {
 public:
  TraceParentText() = default;
  // REQUIRES: is_traceparent(text), of version 00, or it is empty.
  explicit TraceParentText(std::string_view text);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor): it is a text

 private:
  std::array<char, 55> text_;  // uninitialised until there is one
  std::size_t size_ = 0;
};

// `given` is a trusted client's, or empty; `trace` and `span` are fresh ids, 32 and 16 hexadecimal digits; `share` of
// the traces that begin here are recorded, by their ids, so that every edge says the same of one.
[[nodiscard]] TraceParentText make_traceparent(std::string_view given, std::string_view trace, std::string_view span,
                                               double share);

}  // namespace edge
