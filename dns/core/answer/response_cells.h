#pragma once
// What response rate limiting counts in, and by what limits: cells of one word, {tag, time until which the allowance is
// used up} (GCRA, ITU-T I.371), eight to a cache line. A cell whose time has passed says nothing and is free, so cells
// free themselves; when all eight are live the least used one goes. Made once by Control with a secret seed, shared by
// all workers, outlives snapshots; relaxed atomics: two workers that meet in one cell in one instant may count one
// response less.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "shared/core/ip.h"
#include "shared/core/mode.h"

namespace dns {

enum class ResponseKind : std::uint8_t { answer, nodata, nxdomain, referral, error };
inline constexpr std::size_t kResponseKinds = 5;

struct RateLimit {
  shared::Mode mode = shared::Mode::disabled;
  std::uint32_t interval_us = 5000;  // between like responses in the long run; a second's worth may come at once
  std::uint32_t slip = 2;            // each so many-th of those in excess gets a small reply; 0: none
};

class ResponseCells {
 public:
  static constexpr std::uint32_t kBurstUs = 1'000'000;

  explicit ResponseCells(std::uint64_t seed);
  ResponseCells(const ResponseCells&) = delete;
  ResponseCells& operator=(const ResponseCells&) = delete;

  // Counts one response; false: it is in excess, and not counted. `now_us`: a steady clock's. REQUIRES: interval_us is
  // at most kBurstUs.
  [[nodiscard]] bool admit(std::uint64_t key, std::uint64_t now_us, std::uint32_t interval_us);

  [[nodiscard]] std::uint64_t key(const shared::IpAddress& client, ResponseKind kind, std::uint64_t account) const;

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr unsigned kLineBits = 13;  // 8,192 lines, 512 KiB
  static constexpr unsigned kTimeBits = 40;
  static constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
  struct alignas(64) Line {
    std::atomic<std::uint64_t> cells[kWays];
  };

  // How far the cell's time lies ahead of `now`; 0: it has passed. Times wrap; nothing is ever ahead by more than the
  // burst.
  [[nodiscard]] static std::uint64_t ahead(std::uint64_t word, std::uint64_t now_us);

  std::uint64_t seed_;
  std::unique_ptr<Line[]> lines_;
};

}  // namespace dns
