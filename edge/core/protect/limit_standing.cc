#include "edge/core/protect/limit_standing.h"

#include <algorithm>
#include <chrono>

namespace edge {
namespace {

// What is foreseen counts the request that is foreseen.
LimitRuling without_this_one(LimitRuling ruling) {
  const std::uint64_t interval = ruling.by->allowance(ruling.share).interval << RateLimit::kTickBits;
  ruling.remaining += 1;
  ruling.reset -= std::min<shared::Duration>(ruling.reset, std::chrono::nanoseconds(interval));
  ruling.wait = {};
  return ruling;
}

}  // namespace

LimitRuling standing(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                     shared::TimePoint now) {
  LimitRuling tightest;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i]->settings().announce) continue;
    LimitRuling here = rule(limits.subspan(i, 1), subject, now, Counting::foresee);
    if (here.by == nullptr) continue;
    if (!here.refused) here = without_this_one(here);
    if (tightest.by == nullptr || here.remaining < tightest.remaining) tightest = here;
  }
  return tightest;
}

}  // namespace edge
