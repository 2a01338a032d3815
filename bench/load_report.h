#pragma once
// What a load generator of the bench says when it is done: one line of JSON that bench/harness reads, in the shape that
// wrk_report.lua has. One thread.

#include <chrono>
#include <cstdint>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

class LoadReport {
 public:
  // One answer, by when it was asked for.
  void answered(Clock::time_point asked) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - asked);
    times_.push_back(static_cast<std::uint32_t>(took.count()));
  }
  void failed() { ++failures_; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  // To stdout; `seconds` is how long the load lasted.
  void print(double seconds);

 private:
  std::vector<std::uint32_t> times_;  // microseconds
  std::uint64_t failures_ = 0;
};

}  // namespace bench
