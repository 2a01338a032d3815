#pragma once
// The guard of the geo database: how many of the answers that are really given would a new database move, and is that
// more than `dns.geo.guard` allows? A broken export of a database looks like any other file; its answers do not. Works
// on the Builder, may take a second.

#include <memory>
#include <span>
#include <string>

#include "dns/core/steer/moves.h"
#include "dns/load/world/world.h"

namespace dns {

// With fewer answers than this known, the address space is asked in their place.
inline constexpr std::size_t kFewAnswers = 200;

struct GeoVerdict {
  bool judged = false;  // false: nothing to compare: no policy names, or the first database
  bool too_much = false;
  bool by_answers = false;  // else by the address space
  double moved = 0;         // share, 0 to 1
  std::string text;         // "the new geo database ... would move 31.0 % of the answers ...: us-east -> eu 31.0 %"
};

// What of `next` is due to its database alone: the policies of `before` are compiled with it, and asked with the health
// that `answers` holds.
[[nodiscard]] GeoVerdict judge_geo(const World& before, const AnswerSets& answers, const World& next,
                                   std::span<const GivenAnswer> given);

// What to say of a database that moves too much: what it would move, what is allowed, and what to do.
[[nodiscard]] std::string guard_advice(const GeoVerdict& verdict, const GuardConfig& guard);

// "us-east -> eu 31.0 %, us-west -> eu 2.0 %": the largest flows of all names.
[[nodiscard]] std::string describe_flows(const MoveReport& report);

// "31.2 %"
[[nodiscard]] std::string print_share(double share);

}  // namespace dns
