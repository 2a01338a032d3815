#pragma once
// AdaptiveLimit: how many requests a pool's servers can work on at a time, found out from how long they take. While the
// response time is near its floor, what is in flight is being worked on, and the limit grows where it is used up; when
// it rises above, requests wait for each other inside the servers, and the limit shrinks in proportion:
//
//   limit' = limit x min(1, tolerance x floor / mean) + sqrt(limit)
//
// which is Gradient2 of Netflix's concurrency-limits, itself after TCP Vegas (Brakmo and Peterson 1995): the square
// root is the queue that a server needs to be busy all the time. Theirs takes a slow mean for the floor, which drifts
// up under overload that lasts; Envoy's adaptive concurrency measures it anew with next to no load, at a price. Here it
// follows faster answers at once; slower ones where nobody can have waited, since half of the limit is unused or it is
// at its least, and where fewer requests at a time have made them no faster; else by a hundredth a minute. So a service
// that has become slower for good is believed within seconds, and one that is overloaded is not. Pure; whoever owns it
// calls it once a window.

#include <cstdint>
#include <string_view>

#include "shared/core/mode.h"
#include "shared/core/time.h"

namespace edge {

struct AdaptiveSettings {
  shared::Mode mode = shared::Mode::disabled;
  std::uint32_t min = 4;
  std::uint32_t max = 1000;
  double tolerance = 1.5;  // a mean of so many times the floor is no sign of waiting
};

class AdaptiveLimit {
 public:
  static constexpr std::uint32_t kFirst = 20;          // before anything is known
  static constexpr std::uint64_t kFewest = 10;         // answers, that say something
  static constexpr shared::milliseconds kWindow{100};  // at least

  // Of everything until now.
  struct Totals {
    std::uint64_t answers = 0;
    std::uint64_t micros = 0;  // they have taken
    std::uint32_t in_flight = 0;
  };

  // The limit from now on. Waits until a window has its fewest answers.
  std::uint32_t update(const AdaptiveSettings& settings, const Totals& totals, shared::TimePoint now);

  [[nodiscard]] std::uint32_t limit() const { return static_cast<std::uint32_t>(limit_); }
  [[nodiscard]] double floor_us() const { return floor_us_; }
  [[nodiscard]] double mean_us() const { return mean_us_; }  // of the last window

 private:
  void move_floor(const AdaptiveSettings& settings, double busy, double seconds);
  void move_limit(const AdaptiveSettings& settings, double busy);

  void doubt_floor(const AdaptiveSettings& settings, double busy);

  // As it was when answers became slow.
  struct Slow {
    double busy = 0;
    double mean_us = 0;
  };

  double limit_ = 0;  // 0: not begun
  double floor_us_ = 0;
  double mean_us_ = 0;
  Slow slow_;
  Totals before_;
  shared::TimePoint began_{};  // of the window
};

}  // namespace edge
