#pragma once
// PoolQueues: the requests of one worker that wait for a place at their pools, a line for each pool (WaitLine has the
// order). A place that is given back is offered at the end of the loop's turn: of this worker, or, within a
// millisecond, of the others, each looking whether anything was given back since it looked last; only workers that have
// somebody waiting look at all. A worker leaves a place to another one that has a higher tier waiting. How many wait in
// all workers together is counted in Live, so a queue's size is exact. Owned by the WorkerContext; its thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "edge/core/pool/pool_live.h"
#include "edge/core/protect/wait_line.h"
#include "shared/core/time.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge {

class Ticket;

class PoolQueues {
 public:
  explicit PoolQueues(shared::WorkerLoop& loop) : loop_(loop) {}
  PoolQueues(const PoolQueues&) = delete;
  PoolQueues& operator=(const PoolQueues&) = delete;

  // False: there is no room, and nobody gives way to it. REQUIRES of these two: it is in no line; it is in one.
  [[nodiscard]] bool join(Ticket& ticket);
  void leave(Ticket& ticket);
  // It has given way and is about to end before it could be told.
  void forget(const Ticket& ticket) { std::erase(gave_way_, &ticket); }

 private:
  struct Line {
    WaitLine waiting;
    std::uint32_t releases = 0;  // of the pool, as of the last look
    shared::TimePoint looked{};
  };

  // What no release tells of: servers that come up, limits that grow.
  static constexpr shared::milliseconds kLookAnyway{10};

  Line& line_of(PoolSlot slot);
  static void on_pulse(void* self) { static_cast<PoolQueues*>(self)->beat(); }
  void beat();
  void offer(Line& line);
  void keep_pulse();

  shared::WorkerLoop& loop_;
  std::vector<std::unique_ptr<Line>> lines_;  // by PoolSlot; null: nobody has ever waited
  std::size_t waiting_ = 0;
  std::vector<Ticket*> gave_way_;  // and are told at the end of the turn
};

}  // namespace edge
