#pragma once
// Range requests (RFC 9110 14): which octets of a representation a Range field asks for. What is asked for twice, or
// lies close together, is one range in the answer, and who asks for many pieces gets the whole: an answer is never much
// larger than the representation (CVE-2011-3192). Pure functions, value types, any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "shared/http/head.h"

namespace edge {

// [begin, end): not empty.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

struct RangeRuling {
  enum class Kind : std::uint8_t {
    whole,          // 200: there is no Range, it is malformed or of another unit, or asks for too much
    partial,        // 206 with `ranges`, one or more
    unsatisfiable,  // 416
  };
  static constexpr std::size_t kMaxRanges = 16;  // asked for; more get the whole
  static constexpr std::uint64_t kGap = 128;     // octets between two that cost less than the head of a part

  Kind kind = Kind::whole;
  std::size_t count = 0;
  std::array<ByteRange, kMaxRanges> ranges;  // in the order in which they were asked for, none touches another

  [[nodiscard]] std::span<const ByteRange> all() const { return {ranges.data(), count}; }
};

// `size`: octets of the representation. REQUIRES: it is below 2^63.
[[nodiscard]] RangeRuling rule_ranges(std::string_view field, std::uint64_t size);
// Of a request: only GET has ranges (14.2). Whether If-Range allows for them is range_condition_holds()'s.
[[nodiscard]] RangeRuling rule_ranges(http::Method method, const http::FieldList& fields, std::uint64_t size);

// The value of Content-Range: "bytes 0-499/1234", and of a 416: "bytes */1234".
[[nodiscard]] std::string content_range(const ByteRange& range, std::uint64_t size);
[[nodiscard]] std::string unsatisfied_range(std::uint64_t size);

// The frame of an answer with several ranges (RFC 9110 14.6): the head of each part, and what ends the last one.
class MultipartRanges {
 public:
  // `boundary` is of token characters and does not appear in what is sent. Views are kept.
  struct Of {
    std::string_view boundary;
    std::string_view content_type;  // of the representation; empty: none
    std::uint64_t size = 0;         // of the representation
  };
  explicit MultipartRanges(const Of& of) : of_(of) {}

  [[nodiscard]] std::string content_type() const;  // multipart/byteranges; boundary=...
  [[nodiscard]] std::string part_head(const ByteRange& range) const;
  [[nodiscard]] std::string end() const;
  // Octets of the whole answer.
  [[nodiscard]] std::uint64_t length(std::span<const ByteRange> ranges) const;

 private:
  Of of_;
};

}  // namespace edge
