#pragma once
// Ticket: how a request comes to its first server when it does not have it from the decision: a limit has held it back,
// or its pool is full and it waits in the pool's queue. The server, with its breaker's permit and its place, is picked
// when the turn comes; from then on nothing waits until the first attempt has them. In serve_one's frame; its worker's
// thread.
//
//   bool queued = ticket.begin();
//   while (queued) { sleep until deadline();   queued = ticket.waits(); }     then it has a server, or has failed

#include <cstdint>
#include <string_view>

#include "edge/core/protect/wait_line.h"
#include "edge/serve/request/request.h"

namespace edge {

class Ticket {
 public:
  explicit Ticket(Request& request) : place_{.holder = this}, r_(request) {}
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  // True: it has to wait.
  [[nodiscard]] bool begin();
  // Woken: still?
  [[nodiscard]] bool waits();
  [[nodiscard]] shared::TimePoint deadline() const;

 private:
  friend class PoolQueues;

  void pick(Turn turn);
  void refuse(std::string_view why);
  // Of its queue. False: there is no place for it, nor for anybody behind it.
  bool offered();
  // Of its queue: there is no more room for it, as it is told when it is woken.
  void push_out();

  WaitLine::Place place_;  // in the queue
  Request& r_;
  bool pushed_out_ = false;
};

}  // namespace edge
