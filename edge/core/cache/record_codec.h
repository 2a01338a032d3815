#pragma once
// A stored response as a file: a front that says all of it, and the octets of its body. What is torn, cut or not ours
// is no record. Pure functions, bytes in, values out; any thread.
//
//   0   "MERIDC1\n"         8    octets of the record's text     12   where the body begins
//   16  octets of the body  24   their hash                      32   hash of 0-31 and the text
//   40  softly purged, or not: the one octet that is changed by itself, and under no hash
//   64  the text, and room for it to grow when a 304 updates it; then the body
//
// Numbers are little-endian.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/cache/cache_record.h"
#include "shared/core/time.h"

namespace edge {

inline constexpr std::size_t kRecordFixed = 64;         // octets ahead of the text
inline constexpr std::size_t kRecordPurgedAt = 40;      // where it says that it was purged
inline constexpr std::size_t kMostRecord = 512 * 1024;  // octets of a front

// Where the body lies, and what it has to be.
struct RecordBody {
  std::uint64_t at = 0;
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
};

// A body's hash, over octets as they come.
class BodyHash {
 public:
  void add(std::string_view octets);
  [[nodiscard]] std::uint64_t finish() const;

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15ULL;
  std::uint64_t size_ = 0;
  std::uint64_t word_ = 0;  // of octets that are not eight yet
};

// The front of a new file; the body follows it. Empty: it is too large to be kept.
[[nodiscard]] std::string encode_record(const CacheRecord& record, bool purged, std::uint64_t size, std::uint64_t hash);
// The front of a file whose body stays where it is; empty: it does not fit.
[[nodiscard]] std::string encode_record(const CacheRecord& record, bool purged, const RecordBody& body);

// Octets of the front, of its first kRecordFixed ones; nothing: it is no record.
[[nodiscard]] std::optional<std::size_t> record_front(std::string_view fixed);

struct DecodedRecord {
  CacheRecord record;
  RecordBody body;
  bool purged = false;
};
// `front`: as many octets as record_front() says. `wall` is the wall's clock at `now`: a record of its future has an
// age that nobody knows, and counts as purged.
[[nodiscard]] std::optional<DecodedRecord> decode_record(std::string_view front, shared::TimePoint now,
                                                         http::UnixSeconds wall);

}  // namespace edge
