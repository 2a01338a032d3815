#include "edge/serve/request/ticket.h"

#include <algorithm>

namespace edge {

Ticket::~Ticket() {
  if (place_.in_line) r_.context.queues.leave(*this);
  if (pushed_out_) r_.context.queues.forget(*this);
}

bool Ticket::begin() {
  if (r_.failed || r_.decision.kind != Decision::Kind::pool) return false;
  PoolRequest& at_pool = r_.decision.at_pool;
  if (at_pool.overload != Overload::shed && r_.decision.unpicked) pick(Turn::waits);
  if (at_pool.overload == Overload::none) return false;
  // A copy takes nobody's turn.
  if (at_pool.overload == Overload::full && r_.pool().queue.size != 0 && r_.asked.mirrored == nullptr) {
    if (r_.context.queues.join(*this)) return true;
    r_.pool_live().turned_away.fetch_add(1, std::memory_order_relaxed);
    refuse("all servers of the pool are full, and so is its queue");
    return false;
  }
  if (at_pool.overload == Overload::full) r_.pool_live().turned_away.fetch_add(1, std::memory_order_relaxed);
  refuse(why_no_server(at_pool));
  return false;
}

bool Ticket::waits() {
  if (pushed_out_) {
    refuse("it gave way to others in the pool's queue");
  } else if (place_.in_line && r_.exchange.source.abandoned()) {
    r_.context.queues.leave(*this);
    r_.fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  } else if (place_.in_line && r_.now() >= deadline()) {
    r_.context.queues.leave(*this);
    r_.pool_live().queue_timeouts.fetch_add(1, std::memory_order_relaxed);
    refuse("no place at the pool's servers in time");
    if (r_.now() >= r_.deadline)
      r_.fail({.kind = ErrorKind::deadline, .side = Side::client, .detail = "deadline exceeded"});
  }
  return place_.in_line;
}

shared::TimePoint Ticket::deadline() const {
  const shared::TimePoint due = place_.since + r_.pool().queue.timeout;
  const shared::milliseconds total = r_.found().route->timeouts.total;
  return std::min({due, r_.deadline, total.count() > 0 ? r_.turn() + total : due});
}

// Nothing has been sent anywhere: whoever said no before is asked again.
void Ticket::pick(Turn turn) {
  r_.decision.at_pool.tried_count = 0;
  r_.decision.at_pool.last_resort = false;
  const PickMoment moment{.addresses = *r_.snapshot->addresses, .now = r_.now(), .turn = turn};
  shared::NullTrace trace;
  r_.decision.first = next_server(r_.decision.at_pool, moment, r_.context.live, r_.context.balance, trace);
}

void Ticket::refuse(std::string_view why) { r_.fail({.kind = ErrorKind::overloaded, .detail = why}); }

bool Ticket::offered() {
  pick(Turn::has_come);
  if (r_.decision.at_pool.overload == Overload::full) return false;
  r_.context.queues.leave(*this);
  r_.exchange.waiter.wake();
  return true;
}

void Ticket::push_out() {
  r_.context.queues.leave(*this);
  r_.pool_live().pushed_out.fetch_add(1, std::memory_order_relaxed);
  pushed_out_ = true;
}

}  // namespace edge
