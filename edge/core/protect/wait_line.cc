#include "edge/core/protect/wait_line.h"

#include <bit>
#include <utility>

namespace edge {

void WaitLine::join(Place& place, TierId tier, shared::TimePoint now) {
  if (tiers_ == 0) since_ = now;
  Tier& its = places_[static_cast<std::size_t>(tier)];
  place = {.holder = place.holder, .older = its.newest, .newer = nullptr, .tier = tier, .in_line = true, .since = now};
  (its.newest != nullptr ? its.newest->newer : its.oldest) = &place;
  its.newest = &place;
  tiers_ |= 1U << static_cast<unsigned>(tier);
}

void WaitLine::leave(Place& place) {
  Tier& its = places_[static_cast<std::size_t>(place.tier)];
  (place.older != nullptr ? place.older->newer : its.oldest) = place.newer;
  (place.newer != nullptr ? place.newer->older : its.newest) = place.older;
  place.older = place.newer = nullptr;
  place.in_line = false;
  if (its.oldest == nullptr) tiers_ &= ~(1U << static_cast<unsigned>(place.tier));
}

WaitLine::Place* WaitLine::next(shared::TimePoint now) const {
  if (tiers_ == 0) return nullptr;
  const Tier& highest = places_[static_cast<std::size_t>(std::bit_width(tiers_)) - 1];
  return pressed(now) ? highest.newest : highest.oldest;
}

// Whoever would be served last.
WaitLine::Place* WaitLine::last(TierId newcomer, shared::TimePoint now) const {
  if (tiers_ == 0) return nullptr;
  const auto lowest = static_cast<unsigned>(std::countr_zero(tiers_));
  const auto its = static_cast<unsigned>(newcomer);
  const bool pressing = pressed(now);
  // Among equals the newcomer itself is the last one in calm, and the oldest under pressure.
  if (lowest > its || (lowest == its && !pressing)) return nullptr;
  return pressing ? places_[lowest].oldest : places_[lowest].newest;
}

}  // namespace edge
