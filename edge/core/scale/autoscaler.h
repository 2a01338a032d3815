#pragma once
// Autoscaler: how many servers a pool shall have, of what is asked of those that it has. Fed about once a second.
//
//   load     in servers that are as busy as they shall be: the greater of  sum of CPU / target  and  in flight / target
//   up       at once when the load, or where it will be when a server called now is there, is over what was called for
//   down     when for the whole window CPU was under half its target and in flight under 0.3 of its own, to where the
//            window's greatest load leaves the servers at kBusyAfter of the target; at most half of them at a time
//
// Load is absolute, so that servers which were called and are not there yet are not called again. What goes down stays
// well over the mark below which more would go, and under the one above which some would come: it does not swing. Pure
// state, no clock; one for each pool, the control loop's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "edge/core/scale/scale_settings.h"
#include "shared/core/time.h"

namespace edge {

struct ScaleSample {
  std::uint32_t known = 0;    // servers that are configured or found, well or not
  std::uint32_t serving = 0;  // of these, those that answer
  std::optional<double> cpu;  // percent, the mean of those that say it; nothing: nobody does
  double in_flight = 0;       // at all of them, waiting ones included
};

enum class ScaleChange : std::uint8_t { none, up, down };

class Autoscaler {
 public:
  static constexpr double kBusyAfter = 0.7;                         // of the target, after servers have gone
  static constexpr double kMostAhead = 2;                           // times the load: what growth may add
  static constexpr double kLeastGrowth = 0.1;                       // of the load, within start_time: less is noise
  static constexpr shared::Duration kSettle = shared::seconds(30);  // after a start, or start_time: nothing is decided

  // What was called for by a process before this one. Between a process and its successor nothing happens to servers,
  // so the count is exact; while an edge was away others may have scaled, and there shall be no fewer than there are.
  enum class Recall : bool { at_least, exact };
  void recall(std::uint32_t desired, std::string why, shared::TimePoint changed, Recall how);

  // What this sample changes of desired().
  ScaleChange observe(const ScaleSample& sample, const ScaleSettings& settings, shared::TimePoint now);

  [[nodiscard]] std::uint32_t desired() const { return desired_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  // The reason of the last change; empty: none is known.
  [[nodiscard]] const std::string& decided() const { return decided_; }
  [[nodiscard]] double load() const { return load_; }            // in servers, smoothed
  [[nodiscard]] double in_flight() const { return in_flight_; }  // smoothed

 private:
  struct Seen {
    shared::TimePoint at;
    double load = 0;
  };
  struct Load {
    double servers = 0;
    bool by_cpu = false;
  };

  void settle(const ScaleSample& sample);
  [[nodiscard]] Load load_of(const ScaleSample& sample, const ScaleSettings& settings) const;
  void smooth(const ScaleSample& sample, shared::TimePoint now);
  void remember(shared::TimePoint now);
  [[nodiscard]] double slope(std::size_t age, std::size_t count) const;
  [[nodiscard]] double growth() const;
  [[nodiscard]] double ahead(const ScaleSettings& settings) const;
  ScaleChange go_up(const ScaleSample& sample, const ScaleSettings& settings, const Load& load, shared::TimePoint now);
  ScaleChange go_down(const ScaleSample& sample, const ScaleSettings& settings, shared::TimePoint now);
  ScaleChange change_to(std::uint32_t count, std::string why, shared::TimePoint now);

  std::uint32_t desired_ = 0;
  std::string reason_ = "nothing is known yet";
  std::string decided_;
  bool exact_ = false;                           // desired_ was recalled, and stands for what is there
  std::optional<shared::TimePoint> first_;       // sample with a server
  std::optional<shared::TimePoint> last_;        // sample
  std::optional<shared::TimePoint> changed_;     // desired_
  std::optional<shared::TimePoint> idle_since_;  // too little is asked of the servers
  double idle_peak_ = 0;                         // load since then
  double load_ = 0;
  double in_flight_ = 0;
  std::array<Seen, 32> seen_{};  // a ring, of the last half minute
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace edge
