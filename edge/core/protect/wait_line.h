#pragma once
// WaitLine: the order of those who wait for a place at a pool: the highest tier first, and in a tier who came first.
// When the line has not been empty for kPressure, more comes than goes, and first come would be served just before it
// gives up: then it is the newest first, and the oldest give way (adaptive LIFO: B. Maurer, "Fail at Scale", ACM Queue
// 13(8), 2015; the measure of pressure is CoDel's, RFC 8289: the least wait over an interval). Places belong to who
// waits; joining, leaving and choosing cost the same however long the line is. Pure; its worker's thread.

#include <array>
#include <cstddef>
#include <cstdint>

#include "edge/core/message/tier.h"
#include "shared/core/time.h"

namespace edge {

class WaitLine {
 public:
  static constexpr shared::milliseconds kPressure{100};

  // Stays at one address while it is in a line, and leaves it before it ends.
  struct Place {
    void* holder = nullptr;  // who waits
    Place* older = nullptr;
    Place* newer = nullptr;
    TierId tier{};
    bool in_line = false;
    shared::TimePoint since{};
  };

  WaitLine() = default;
  WaitLine(const WaitLine&) = delete;
  WaitLine& operator=(const WaitLine&) = delete;

  // REQUIRES of these two: the place is in no line; in this one.
  void join(Place& place, TierId tier, shared::TimePoint now);
  void leave(Place& place);

  // Whose turn is next; null: nobody waits.
  [[nodiscard]] Place* next(shared::TimePoint now) const;
  // Who gives way to a newcomer of this tier; null: nobody, it is not let in itself.
  [[nodiscard]] Place* last(TierId newcomer, shared::TimePoint now) const;
  [[nodiscard]] bool pressed(shared::TimePoint now) const { return tiers_ != 0 && now - since_ >= kPressure; }
  [[nodiscard]] bool empty() const { return tiers_ == 0; }

 private:
  struct Tier {
    Place* oldest = nullptr;
    Place* newest = nullptr;
  };

  std::array<Tier, kMaxTiers> places_{};
  std::uint32_t tiers_ = 0;    // a bit for each that has somebody
  shared::TimePoint since_{};  // the line has not been empty
};

}  // namespace edge
