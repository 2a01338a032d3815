#pragma once
// HealthView: what steering believes of every edge at one instant: probes, drains and the operator's words folded into
// one state each. Made by RegionHealth, read by AnswerSets. A value; any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "dns/core/region.h"

namespace dns {

enum class EdgeState : std::uint8_t {
  up,
  drained,  // serves, but is to be left alone: used only if nothing else is up
  down,
};

struct RegionView {
  std::vector<EdgeState> edges;  // by index in Region::edges; of a CNAME that nobody probes: one, the region itself
  bool full = false;             // has no room for more: used after every region that has
  bool forced = false;           // the operator's word, not the probe's
  bool pressure = false;         // about to change (a flip is pending, a drain has begun): TTLs fall to their minimum
  std::string note;              // for a person: "up", "drained by operator: kernel update", "2 of 3 edges up"
  bool operator==(const RegionView&) const = default;
};

struct HealthView {
  std::vector<RegionView> regions;  // by RegionId
  bool operator==(const HealthView&) const = default;

  // Everything up: what a checker or a test without probes believes.
  [[nodiscard]] static HealthView all_up(const std::vector<Region>& regions);
};

}  // namespace dns
