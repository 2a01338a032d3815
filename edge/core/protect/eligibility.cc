#include "edge/core/protect/eligibility.h"

#include <algorithm>

namespace edge {
namespace {

constexpr std::uint32_t kFirstShare = kFullShare / 16;  // of a slow start

std::uint32_t ramp_share(std::uint64_t word, shared::Duration slow_start, shared::TimePoint now) {
  const std::uint64_t began = word >> 32U;
  const auto span = static_cast<std::uint64_t>(slow_start / ServerState::kTick);
  if (began == 0 || span == 0) return kFullShare;
  // Modulo 2^32: one that began in the next tick, by another thread's clock, has only just begun.
  const std::uint64_t since = (ServerState::ticks(now) - began) & 0xFFFFFFFFULL;
  if (since >= 0x80000000ULL) return kFirstShare;
  if (since >= span) return kFullShare;
  return std::max(kFirstShare, static_cast<std::uint32_t>(kFullShare * since / span));
}

}  // namespace

std::string_view name_of(Eligibility eligibility) {
  switch (eligibility) {
    case Eligibility::up:
      return "up";
    case Eligibility::degraded:
      return "degraded";
    case Eligibility::half_open:
      return "half_open";
    case Eligibility::draining:
      return "draining";
    case Eligibility::breaker_open:
      return "breaker_open";
    case Eligibility::ejected:
      return "ejected";
    case Eligibility::down:
      return "down";
  }
  return "";
}

bool ServerState::change_breaker(BreakerState from, BreakerState to) {
  std::uint64_t before = word();
  while (((before & kBreakerMask) >> 12U) == static_cast<std::uint64_t>(from)) {
    const std::uint64_t after = (before & ~kBreakerMask) | static_cast<std::uint64_t>(to) << 12U;
    if (word_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
  return false;
}

Standing standing_in(std::uint64_t word, shared::Duration slow_start, shared::TimePoint now, std::uint8_t overlook) {
  const auto health = static_cast<shared::HealthState>((word & ServerState::kHealthMask) >> 8U);
  const auto breaker = static_cast<BreakerState>((word & ServerState::kBreakerMask) >> 12U);
  Standing standing;
  const auto missing = static_cast<std::uint32_t>(word & ServerState::kMissingMask);
  standing.share = std::max(1U, (kFullShare - missing) * ramp_share(word, slow_start, now) / kFullShare);
  const auto counts = [overlook](Eligibility reason) { return (overlook & bit_of(reason)) == 0; };
  if (health == shared::HealthState::down && counts(Eligibility::down)) {
    standing.eligibility = Eligibility::down;
  } else if ((word & ServerState::kEjected) != 0 && counts(Eligibility::ejected)) {
    standing.eligibility = Eligibility::ejected;
  } else if ((breaker == BreakerState::open || breaker == BreakerState::probing) && counts(Eligibility::breaker_open)) {
    standing.eligibility = Eligibility::breaker_open;
  } else if ((word & ServerState::kDraining) != 0 && counts(Eligibility::draining)) {
    standing.eligibility = Eligibility::draining;
  } else if (breaker == BreakerState::half_open) {
    standing.eligibility = Eligibility::half_open;
  } else if (missing != 0) {
    standing.eligibility = Eligibility::degraded;
  }
  return standing;
}

}  // namespace edge
