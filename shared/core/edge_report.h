#pragma once
// EdgeReport: the contract between the tiers: what an edge says of its region at `/.meridian/health`, as JSON, and what
// a DNS node reads there. Both directions stand here, so that they cannot drift apart. The text is a stranger's bytes
// to its reader: bounded, strict about the fields it knows, and blind to those it does not, so that either tier may be
// newer than the other (docs/decisions/016-edge-report.md). Values; any thread.
//
//   {"version":1,"region":"eu","state":"up"}
//   {"version":1,"region":"eu","state":"down","reason":"critical_pool_down","pool":"web"}

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shared {

struct EdgeReport {
  // A page without a version is of the first. One that is greater says that a known field has another meaning now: a
  // reader of today leaves such a page alone. New fields alone do not raise it.
  static constexpr std::uint64_t kVersion = 1;
  static constexpr std::size_t kMaxSize = std::size_t{16} * 1024;  // octets of the text, written or read
  static constexpr std::size_t kLongestName = 255;                 // octets of each text within; write() omits longer
  static constexpr std::size_t kMaxPools = 256;

  enum class State : std::uint8_t { up, draining, down };

  struct Pool {
    std::string name;
    std::uint32_t servers = 0;  // in this region
    std::uint32_t usable = 0;   // of these, known to be up; at most `servers`

    bool operator==(const Pool&) const = default;
  };

  State state = State::up;
  std::string region;  // empty: not said
  std::string reason;  // why it is down: kCriticalPoolDown, kAllPoolsDown, or a word that is newer than this reader
  std::string pool;    // the critical one
  std::vector<Pool> pools;  // what the edge tells of its pools; those that no longer fit are not written

  bool operator==(const EdgeReport&) const = default;
};

inline constexpr std::string_view kCriticalPoolDown = "critical_pool_down";
inline constexpr std::string_view kAllPoolsDown = "all_pools_down";

[[nodiscard]] std::string_view name_of(EdgeReport::State state);  // "up", "draining", "down": as they are written

// One line of JSON with its line end.
[[nodiscard]] std::string write(const EdgeReport& report);

// Nothing: this is no page of an edge, or one that this reader cannot understand.
[[nodiscard]] std::optional<EdgeReport> parse_edge_report(std::string_view text);

// "critical pool web is empty", "every pool is empty", or the reason as it is.
[[nodiscard]] std::string words_of_reason(std::string_view reason, std::string_view pool);

}  // namespace shared
