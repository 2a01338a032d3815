#pragma once
// OTLP: spans as the OpenTelemetry Protocol has them, in Protocol Buffers: opentelemetry/proto/trace/v1/trace.proto,
// common/v1/common.proto, resource/v1/resource.proto and collector/trace/v1/trace_service.proto, version 1. A span is
// written when it is over, field by field, and stands ready to be a part of a batch; a batch is spans one behind
// another. Text is made UTF-8 and cut to a bound, for one octet that is not would spoil a whole batch. Pure; any
// thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edge {

inline constexpr std::size_t kMostSpanText = 1024;  // octets of a value

enum class SpanKind : std::uint8_t { server = 2, client = 3 };

struct SpanFrame {
  std::string_view trace;         // 32 hexadecimal digits
  std::string_view span;          // 16
  std::string_view parent{};      // 16; empty: none, the trace begins here
  bool parent_is_remote = false;  // another program's
  std::string_view state{};       // tracestate
  SpanKind kind = SpanKind::server;
  std::string_view name;
  std::int64_t began_ns = 0;  // since 1970
  std::int64_t ended_ns = 0;
};

// Writes a Span behind what `out` has.
class SpanWriter {
 public:
  SpanWriter(std::string& out, const SpanFrame& frame);

  // Attributes; an empty text is left out.
  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, std::int64_t value);
  void fail(std::string_view why = {});  // its status is "error"

 private:
  std::string& out_;
};

// Text as Protocol Buffers wants it: what is not UTF-8 is read as Latin-1.
[[nodiscard]] std::string span_text(std::string_view text);

// "4bf9": the octets that hexadecimal digits stand for. REQUIRES: they are such, and an even number.
void append_octets(std::string& out, std::string_view digits);

using SpanAttributes = std::vector<std::pair<std::string, std::string>>;
// Who tells: a Resource.
[[nodiscard]] std::string write_resource(const SpanAttributes& attributes);
// One span of a batch: what write_export() takes, one behind another.
void append_batched(std::string& batch, std::string_view span);
// How many octets of the front of a batch its next span is; none: there is none.
[[nodiscard]] std::optional<std::size_t> next_batched(std::string_view batch);
// ExportTraceServiceRequest.
[[nodiscard]] std::string write_export(std::string_view resource, std::string_view version, std::string_view batch);

// What of ExportTraceServiceResponse means something to who has sent it.
struct ExportAnswer {
  std::uint64_t rejected = 0;  // spans that the collector has not taken, and never will
  std::string message{};       // why, or what is to be heeded
};
// None: it is no such message. An empty one is: all is well.
[[nodiscard]] std::optional<ExportAnswer> read_export_answer(std::string_view octets);

}  // namespace edge
