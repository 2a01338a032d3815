#pragma once
// AbuseScore: what one HTTP/2 connection's client has done that costs more than it asks for (CVE-2023-44487,
// CVE-2025-8671 and their like), as one number: everything odd adds points, time takes them away. What a transfer needs
// is free: each frame with data, either way, earns a WINDOW_UPDATE or PING or two. A value; its connection's thread.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "shared/core/time.h"

namespace edge {

enum class Oddity : std::uint8_t {
  peer_reset,      // RST_STREAM
  caused_reset,    // a stream that we had to reset for what came on it
  refused_stream,  // one more than it may have
  empty_frame,     // DATA that has none and ends nothing
  settings,
  ping,
  priority,
  window_update,
  continuation,
  count_,  // none
};

class AbuseScore {
 public:
  enum class Level : std::uint8_t { fine, soft, hard };

  static constexpr std::uint32_t kSoft = 5'000;   // no more streams: GOAWAY
  static constexpr std::uint32_t kHard = 10'000;  // closed
  static constexpr std::uint32_t kLeak = 300;     // points a second
  // A burst of 500 resets and 30 a second behind it are a browser's that leaves a page, or many.
  static constexpr std::array<std::uint32_t, static_cast<std::size_t>(Oddity::count_)> kPoints{10, 20, 10, 10, 50,
                                                                                               10, 2,  2,  20};

  Level add(Oddity oddity, shared::TimePoint now) {
    const bool paid = oddity == Oddity::window_update || oddity == Oddity::ping;
    if (paid && earned_ > 0) {
      --earned_;
      return level();
    }
    leak(now);
    points_ += kPoints[static_cast<std::size_t>(oddity)];
    return level();
  }
  // A frame with data was sent or came.
  void moved() { earned_ = std::min(earned_ + 2, kMostEarned); }
  [[nodiscard]] Level level() const {
    if (points_ >= kHard) return Level::hard;
    return points_ >= kSoft ? Level::soft : Level::fine;
  }

 private:
  static constexpr std::uint32_t kMostEarned = 512;

  void leak(shared::TimePoint now) {
    const auto ms = std::chrono::duration_cast<shared::milliseconds>(now - leaked_).count();
    if (ms <= 0) return;
    const auto gone = std::min<std::int64_t>(points_, ms * kLeak / 1000);
    points_ -= static_cast<std::uint32_t>(gone);
    if (gone > 0 || points_ == 0) leaked_ = now;
  }

  std::uint32_t points_ = 0;
  std::uint32_t earned_ = 16;
  shared::TimePoint leaked_{};
};

}  // namespace edge
