#pragma once
// ProbeGate: what all probes of a Prober share of this machine: how many connections may be open at a time, and how
// fast rounds that come in great number may begin. Held by the ProbeContext and by open connections;
// control loop.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

class ProbeGate : public std::enable_shared_from_this<ProbeGate> {
 public:
  static constexpr Duration kLongestGap = milliseconds(1);

  ProbeGate(Loop& loop, std::size_t most) : loop_(loop), most_(most) {}

  void limit(std::size_t most) { most_ = most; }  // 0: no bound
  [[nodiscard]] bool full() const { return most_ > 0 && open_ >= most_; }
  // Connections that stay open between rounds leave half of them for rounds.
  [[nodiscard]] bool may_keep() const { return most_ == 0 || 2 * open_ <= most_; }
  void opened() { ++open_; }
  void closed();
  // `begin` is called once, when a connection may be opened; in the order of asking.
  void wait(std::function<void()> begin) { waiting_.push_back(std::move(begin)); }
  [[nodiscard]] std::size_t open() const { return open_; }

  // Beginnings are so far apart from now on: all within an interval, and not slower than a thousand a second.
  void spread(Duration interval, std::size_t targets);
  // When the next one of many may begin: now, if few have asked lately.
  [[nodiscard]] TimePoint next_turn(TimePoint now);

 private:
  void admit();

  Loop& loop_;
  std::size_t most_;
  std::size_t open_ = 0;
  std::deque<std::function<void()>> waiting_;
  bool admitting_ = false;
  Duration gap_{0};
  TimePoint turn_{};
};

}  // namespace shared
