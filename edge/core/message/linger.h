#pragma once
// Linger: how long the rest of a request is still read after its answer. A client that writes everything before it
// reads would lose an answer that was given earlier to the reset which a close with unread input sends (RFC 9112 9.6).
// The bound is one of time and rate: for `time` at any rate, after it while at least kRate comes, never in silence and
// never longer than kLongest times `time`. Value type; its connection's thread.

#include <algorithm>
#include <cstdint>

#include "shared/core/time.h"

namespace edge {

class Linger {
 public:
  static constexpr std::uint64_t kRate = 64 * 1024;  // octets a second
  static constexpr shared::milliseconds kSilence{5000};
  static constexpr int kLongest = 10;

  void begin(shared::TimePoint now, shared::milliseconds time) {
    began_ = heard_ = now;
    time_ = time;
    octets_ = 0;
  }
  void read(std::uint64_t octets, shared::TimePoint now) {
    if (octets > 0) heard_ = now;
    octets_ += octets;
  }
  // When it is over, unless more is read by then. REQUIRES: begin().
  [[nodiscard]] shared::TimePoint deadline() const {
    const shared::milliseconds most = kLongest * time_;
    const auto earned = static_cast<std::int64_t>(std::min<std::uint64_t>(octets_ / (kRate / 1000), 86'400'000));
    const shared::TimePoint end = began_ + std::min(most, time_ + shared::milliseconds(earned));
    return std::min(end, heard_ + std::min(kSilence, time_));
  }

 private:
  shared::TimePoint began_{};
  shared::TimePoint heard_{};
  shared::milliseconds time_{};
  std::uint64_t octets_ = 0;
};

}  // namespace edge
