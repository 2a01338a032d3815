#include "edge/core/protect/adaptive_limit.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace edge {
namespace {

constexpr double kDownwards = 0.3;             // of the way to a faster answer, in a window
constexpr double kUpwards = 0.1;               // to a slower one, where nobody can have waited
constexpr double kUpwardsASecond = 0.01 / 60;  // else
constexpr double kFewer = 0.7;      // of what was under way: now answers would come sooner, had they waited ...
constexpr double kNoSooner = 0.85;  // ... than this part of what they took
constexpr double kShrinking = 0.3;  // of the way to a lower limit
constexpr double kSteepest = 0.5;   // never aims at less than this part of the window before

}  // namespace

std::uint32_t AdaptiveLimit::update(const AdaptiveSettings& settings, const Totals& totals, shared::TimePoint now) {
  if (limit_ == 0) {
    limit_ = kFirst;
    before_ = totals;
    began_ = now;
  }
  const auto least = static_cast<double>(settings.min);
  const auto most = static_cast<double>(std::max(settings.min, settings.max));
  limit_ = std::clamp(limit_, least, most);
  const std::uint64_t answers = totals.answers - before_.answers;
  if (answers < kFewest || now - began_ < kWindow) return limit();
  const auto micros = static_cast<double>(totals.micros - before_.micros);
  const double seconds = std::chrono::duration<double>(now - began_).count();
  mean_us_ = std::max(micros / static_cast<double>(answers), 1.0);
  // Little's law: the time of all answers by the time that has passed is how many were under way.
  const double busy = std::max(micros / (seconds * 1e6), static_cast<double>(totals.in_flight));
  before_ = totals;
  began_ = now;
  if (floor_us_ == 0) floor_us_ = mean_us_;
  move_floor(settings, busy, seconds);
  doubt_floor(settings, busy);
  move_limit(settings, busy);
  limit_ = std::clamp(limit_, least, most);
  return limit();
}

void AdaptiveLimit::move_floor(const AdaptiveSettings& settings, double busy, double seconds) {
  const bool nobody_waits = limit_ <= static_cast<double>(settings.min) || busy < limit_ / 2;
  double pace = std::min(kUpwardsASecond * seconds, 1.0);
  if (nobody_waits) pace = kUpwards;
  if (mean_us_ < floor_us_) pace = kDownwards;
  floor_us_ += (mean_us_ - floor_us_) * pace;
}

// Requests that wait for each other take as much less as there are fewer of them (Little's law). These do not: it is
// the service that has become slower.
void AdaptiveLimit::doubt_floor(const AdaptiveSettings& settings, double busy) {
  if (mean_us_ <= settings.tolerance * floor_us_) {
    slow_ = {};
  } else if (busy > slow_.busy) {
    slow_ = {.busy = busy, .mean_us = mean_us_};
  } else if (busy <= kFewer * slow_.busy) {
    if (mean_us_ > kNoSooner * slow_.mean_us) floor_us_ = mean_us_;
    slow_ = {.busy = busy, .mean_us = mean_us_};
  }
}

void AdaptiveLimit::move_limit(const AdaptiveSettings& settings, double busy) {
  const double gradient = std::clamp(settings.tolerance * floor_us_ / mean_us_, kSteepest, 1.0);
  const double next = limit_ * gradient + std::sqrt(limit_);
  if (next < limit_) {
    limit_ += (next - limit_) * kShrinking;
  } else if (busy >= limit_ / 2) {
    limit_ = next;  // what nobody uses says nothing about more of it
  }
}

}  // namespace edge
