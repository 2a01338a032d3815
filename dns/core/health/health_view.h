#pragma once
// HealthView: what steering believes of every edge at one instant: probes, drains and the operator's words folded into
// one state each. Made by RegionHealth, read by AnswerSets. A value; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/health/region.h"

namespace dns {

// The best first.
enum class EdgeState : std::uint8_t {
  up,
  unknown,    // never probed: used if nothing is known to be up
  held_down,  // well again, but it fell too often lately (hold_down.h): used as a drained one is
  drained,    // serves, but is to be left alone: used only if nothing else is up
  down,
};

// "up", "unknown", "held_down", "drained", "down": for status, and for what a command reads back.
[[nodiscard]] std::string_view to_string(EdgeState state);
[[nodiscard]] std::optional<EdgeState> parse_edge_state(std::string_view text);

struct RegionView {
  std::vector<EdgeState> edges;  // by index in Region::edges; of a CNAME that nobody probes: one, the region itself
  bool full = false;             // has no room for more: used after every region that has
  bool forced = false;           // the operator's word, not the probe's
  // About to change: a flip is pending, an edge is not known yet or held down, a drain has begun. TTLs fall to their
  // minimum.
  bool pressure = false;
  std::string note;  // for a person: "up", "drained by operator: kernel update", "2 of 3 edges up"
  bool operator==(const RegionView&) const = default;
};

struct HealthView {
  std::vector<RegionView> regions;  // by RegionId
  bool operator==(const HealthView&) const = default;

  // Everything up: what a checker or a test without probes believes.
  [[nodiscard]] static HealthView all_up(const std::vector<Region>& regions);
};

}  // namespace dns
