#pragma once
// RegionLeases: the control loop's side of one limit that the edges of a region share: what to ask for, from what
// workers have noted, and what to make of the answer. It knows no clock and no Redis. Owned by RegionLimits of
// edge/serve, control loop's thread; it writes RegionShare and rescales cells, which workers use meanwhile.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "edge/core/protect/lease_script.h"
#include "edge/core/protect/rate_limit.h"
#include "shared/core/time.h"

namespace edge {

class RegionLeases {
 public:
  static constexpr std::size_t kMostAsked = 128;  // keys in one question; those that need most

  // REQUIRES: its scope is the region.
  explicit RegionLeases(std::shared_ptr<const RateLimit> limit);

  // The same limit after a reload; what is counted and leased stays.
  void use(std::shared_ptr<const RateLimit> limit);
  [[nodiscard]] const RateLimit& limit() const { return *limit_; }

  // What is needed at present.
  [[nodiscard]] LeaseAsk ask(shared::TimePoint now);
  // `lease`: how long a share lasts that is not renewed.
  void take(const LeaseAsk& asked, const LeaseAnswer& answer, shared::TimePoint now, shared::Duration lease);
  // The last answer is older than its lease: an equal share of all keys from now on.
  void stand_alone(shared::TimePoint now);

  [[nodiscard]] bool alone() const { return share().alone(); }
  [[nodiscard]] std::uint32_t edges() const { return edges_; }
  [[nodiscard]] shared::TimePoint answered() const { return answered_; }
  [[nodiscard]] std::size_t leased() const { return leased_; }        // keys, at the last question
  [[nodiscard]] std::size_t hot() const { return hot_; }              // likewise, with those that others have
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }  // hot keys that a question had no room for

 private:
  // What belongs to a place of RegionShare.
  struct Known {
    double demand = 0;  // a second, smoothed
    shared::TimePoint active{};
    shared::TimePoint told_until{};  // hot at others
    shared::TimePoint leased_until{};
  };

  [[nodiscard]] RegionShare& share() const { return *limit_->live().region; }
  [[nodiscard]] shared::Duration hold() const;
  void look_at(std::size_t place, double elapsed, shared::TimePoint now, LeaseAsk& ask);
  void set_share(RegionShare::HotKey& hot, std::uint32_t share, shared::TimePoint now);
  void hear_of(std::uint64_t key, shared::TimePoint now);
  void cool(std::size_t place);

  std::shared_ptr<const RateLimit> limit_;
  std::vector<Known> known_{RegionShare::kHotKeys};
  std::uint32_t edges_;
  std::uint64_t cursor_ = 0;
  shared::TimePoint asked_{};
  shared::TimePoint answered_{};
  std::size_t leased_ = 0;
  std::size_t hot_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace edge
