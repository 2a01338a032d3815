#pragma once
// Isolation: whether this node should suspect itself rather than everybody else. It does if no region that is left
// could serve, the regions that it judges by itself were lost within one window, and nobody has been heard since:
// silence may be our own cable, a refused connection or a bad answer came from over there. It suspects itself once for
// each such loss, for a limited time. Pure state, no clock; part of RegionHealth.

#include <cstdint>
#include <optional>

#include "shared/core/time.h"

namespace dns {

// How things stand after a probe, a word or some time.
struct Losses {
  bool all = false;                        // no region can serve, whoever says so
  std::optional<shared::TimePoint> first;  // the losses of regions that are left to their probes
  std::optional<shared::TimePoint> last;
  bool unheard = false;  // since the last edge fell silent, no edge was heard
};

class Isolation {
 public:
  struct Settings {
    shared::Duration window{};
    shared::Duration hold{};
  };
  enum class Verdict : std::uint8_t { trusts_itself, begins, lasts, ends };

  [[nodiscard]] Verdict judge(const Losses& losses, const Settings& settings, shared::TimePoint now);
  // There is nothing to hold, or nothing any more.
  void give_up() { until_.reset(); }

  [[nodiscard]] const std::optional<shared::TimePoint>& until() const { return until_; }

 private:
  std::optional<shared::TimePoint> until_;
  bool judged_ = false;  // this loss of all was: no other hold before some region serves again
};

}  // namespace dns
