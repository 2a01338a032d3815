// The field tables of what a pool does when more is asked of it than its servers may have in flight.

#include "edge/load/protect_table.h"
#include "edge/load/readers.h"

namespace edge {
namespace {

using namespace shared::load;

void check_adaptive(const AdaptiveSettings& adaptive, const Node& node, Diagnostics& diagnostics) {
  if (adaptive.min <= adaptive.max) return;
  diagnostics.error(node.at, "adaptive: min (" + std::to_string(adaptive.min) + ") is more than max (" +
                                 std::to_string(adaptive.max) + ")");
}

}  // namespace

const Table<QueueSettings>& queue_table() {
  static const auto table =
      Table<QueueSettings>("edge.pools.NAME.queue",
                           "Where requests wait while all servers are full: the highest tier first, then who came "
                           "first, or last if there is no end to it. See docs/overload.md.")
          .field("size", &QueueSettings::size, integer<std::uint32_t>(1, 1'000'000),
                 "At most so many, in all workers together; when it is full, who would be served last gives way")
          .field("timeout", &QueueSettings::timeout, whole_span(shared::milliseconds(1), std::chrono::minutes(10)),
                 "Who has no place by then gets 503");
  return table;
}

const Table<ShedConfig>& shed_table() {
  static const auto table =
      Table<ShedConfig>("edge.pools.NAME.shed",
                        "Tiers that get no more of a pool when much of its capacity is in use, so that the others "
                        "find some.")
          .field("mode", &ShedConfig::mode, mode(), "enforce, shadow or disabled")
          .required("from", &ShedConfig::from, map_of("tier", share_of()),
                    "While at least so much of the capacity is in use, requests of the tier get 503; a tier that is "
                    "not named always may")
          .position(&ShedConfig::at);
  return table;
}

const Table<AdaptiveSettings>& adaptive_table() {
  static const auto table =
      Table<AdaptiveSettings>("edge.pools.NAME.adaptive",
                              "How many requests the pool's servers work on at a time, found out from how long they "
                              "take. See docs/overload.md.")
          .required("mode", &AdaptiveSettings::mode, mode(),
                    "enforce, shadow (it is only told: begin with that) or disabled")
          .field("min", &AdaptiveSettings::min, integer<std::uint32_t>(1, 1'000'000), "Never less, of the whole pool")
          .field("max", &AdaptiveSettings::max, integer<std::uint32_t>(1, 1'000'000), "Never more")
          .field("tolerance", &AdaptiveSettings::tolerance, number(1.05, 10),
                 "Answers may take so many times what they do without load before the limit shrinks")
          .check(check_adaptive);
  return table;
}

}  // namespace edge
