#pragma once
// TimerWheel: every deadline of one worker, in slots of 16 ms. Moving a deadline later costs one store: it stays
// in its slot and is put on when the slot comes up, so the deadline that each request sets is nearly free. Fires late
// by at most one tick plus the length of a turn, never early. Owned by the WorkerLoop; one thread.

#include <array>
#include <cstdint>
#include <optional>

#include "shared/core/time.h"

namespace shared {

class TimerWheel;

// One deadline and what happens then. Its owner keeps it at one address while it is set.
class Deadline {
 public:
  using Fire = void (*)(void* owner);

  Deadline(Fire fire, void* owner) : fire_(fire), owner_(owner) {}
  ~Deadline() { unlink(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  friend class TimerWheel;
  void unlink();

  Fire fire_;
  void* owner_;
  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // the pointer that points here; null: in no slot
  std::int64_t due_ = 0;       // tick
  std::int64_t slot_ = 0;      // tick whose slot holds it; at or before due_
};

class TimerWheel {
 public:
  static constexpr Duration kTick = milliseconds(16);

  explicit TimerWheel(TimePoint now) : current_(tick_at(now)) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void set(Deadline& deadline, TimePoint due);
  // Leaves it in its slot, where it will be dropped in passing.
  void cancel(Deadline& deadline);
  // Fires what is due. A callback may set, cancel and destroy deadlines, its own too.
  void advance(TimePoint now);
  // How long the loop may sleep; nothing when none is in the wheel.
  [[nodiscard]] std::optional<Duration> until_next(TimePoint now) const;

 private:
  static constexpr std::int64_t kSlots = 512;  // 8 s; what is due later is put on when its slot comes up

  static std::int64_t tick_at(TimePoint t) { return t.time_since_epoch() / kTick; }
  void link(Deadline& deadline, std::int64_t tick);
  void run_slot(std::int64_t tick);

  std::array<Deadline*, kSlots> slots_{};
  std::array<std::uint64_t, kSlots / 64> occupied_{};  // a bit per slot; may stay set over a slot that became empty
  std::int64_t current_;                               // the last tick that was run
};

}  // namespace shared
