#pragma once
// HoldDown: what keeps an edge that comes and goes from moving the answers for ever. Falling is believed at once, and
// counted; an edge that fell more than once lately must have been well for a while before it is answered again. Pure
// state, no clock; part of a ProbedEdge.
//
//   fall        1st   2nd      3rd        4th        ...
//   held down   no    first    2 x first  4 x first  ... up to `longest`
//
// For each `longest` that it has been well, one fall is forgotten.

#include <optional>

#include "shared/core/health.h"
#include "shared/core/time.h"

namespace dns {

using shared::HoldDownSettings;

class HoldDown {
 public:
  void fell(shared::TimePoint now, const HoldDownSettings& settings);
  void recovered(shared::TimePoint now, const HoldDownSettings& settings);
  // The last fall said nothing of this edge.
  void take_back_fall();
  void forgive() { *this = HoldDown(); }

  // Well again, and not believed until then; absent: it is not held down.
  [[nodiscard]] std::optional<shared::TimePoint> until(shared::TimePoint now) const;
  // Those that are not forgotten.
  [[nodiscard]] unsigned falls(shared::TimePoint now, const HoldDownSettings& settings) const;

 private:
  unsigned falls_ = 0;
  std::optional<shared::TimePoint> well_since_;
  std::optional<shared::TimePoint> until_;
};

}  // namespace dns
