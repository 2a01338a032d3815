#pragma once
// What response rate limiting counts in, and by what limits: RateCells, in microseconds, of 512 KiB. Made once by
// Control with a secret seed, shared by all workers, outlives snapshots. Any thread.

#include <cstddef>
#include <cstdint>

#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/rate_cells.h"

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

  explicit ResponseCells(std::uint64_t seed) : seed_(seed), cells_(kLineBits) {}

  // Counts one response; false: it is in excess, and not counted. `now_us`: a steady clock's. REQUIRES: interval_us is
  // at most kBurstUs.
  [[nodiscard]] bool admit(std::uint64_t key, std::uint64_t now_us, std::uint32_t interval_us) {
    return cells_.take(key, now_us, {.interval = interval_us, .capacity = kBurstUs}).admitted;
  }

  [[nodiscard]] std::uint64_t key(const shared::IpAddress& client, ResponseKind kind, std::uint64_t account) const;

 private:
  static constexpr unsigned kLineBits = 13;  // 8,192 lines

  std::uint64_t seed_;
  shared::RateCells cells_;
};

}  // namespace dns
