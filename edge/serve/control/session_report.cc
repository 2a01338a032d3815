#include "edge/serve/control/session_report.h"

#include <functional>
#include <string_view>

#include <boost/json.hpp>

#include "edge/core/pool/learned_sessions.h"

namespace edge {
namespace {

using shared::MetricKind;

std::uint64_t read(const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); }

std::string_view name_of(SessionsLive::Store store) { return store == SessionsLive::Store::up ? "up" : "away"; }

bool any(const ReportSource& source) {
  for (const Pool& pool : source.snapshot.pools->all()) {
    if (pool.sticky.learned != nullptr) return true;
  }
  return false;
}

}  // namespace

void write_session_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  if (!any(source)) return;
  using Write = std::function<void(const Pool&, const SessionsLive&)>;
  const auto each = [&](MetricKind kind, std::string_view name, std::string_view help, const Write& write) {
    out.family(kind, name, help);
    for (const Pool& pool : source.snapshot.pools->all()) {
      if (pool.sticky.learned != nullptr) write(pool, *pool.sticky.learned->live);
    }
  };
  each(MetricKind::gauge, "meridian_edge_sticky_store_up",
       "1: Redis can be asked for sessions; 0: what the edge does not know goes by its hash.",
       [&](const Pool& pool, const SessionsLive& live) {
         out.sample({{"pool", pool.name}}, std::uint64_t{live.store() == SessionsLive::Store::up});
       });
  each(MetricKind::counter, "meridian_edge_sticky_requests_total",
       "Requests that brought a session of the servers': its server was known here, found in Redis, absent from it; "
       "Redis was late, was not asked as too much was asked already, was away, or answered with an error.",
       [&](const Pool& pool, const SessionsLive& live) {
         for (std::size_t i = 1; i < kSessionEnds; ++i) {
           out.sample({{"pool", pool.name}, {"session", name_of(static_cast<SessionEnd>(i))}}, read(live.requests[i]));
         }
       });
  each(MetricKind::counter, "meridian_edge_sticky_learned_total", "Sessions that servers have made.",
       [&](const Pool& pool, const SessionsLive& live) { out.sample({{"pool", pool.name}}, read(live.learned)); });
  each(MetricKind::counter, "meridian_edge_sticky_moved_total",
       "Sessions that went to another server, as theirs was gone, down or full.",
       [&](const Pool& pool, const SessionsLive& live) { out.sample({{"pool", pool.name}}, read(live.moved)); });
  each(MetricKind::counter, "meridian_edge_sticky_writes_total",
       "Sessions written to Redis; failed: it was away or refused them; dropped: too many were under way.",
       [&](const Pool& pool, const SessionsLive& live) {
         out.sample({{"pool", pool.name}, {"result", "written"}}, read(live.written));
         out.sample({{"pool", pool.name}, {"result", "failed"}}, read(live.write_failures));
         out.sample({{"pool", pool.name}, {"result", "dropped"}}, read(live.dropped));
       });
  each(MetricKind::counter, "meridian_edge_sticky_evicted_total",
       "Sessions that this edge forgot before their time, since `remember` had no more room.",
       [&](const Pool& pool, const SessionsLive& live) { out.sample({{"pool", pool.name}}, live.table.evicted()); });
}

boost::json::object sessions_json(const ReportSource& source, const Pool& pool) {
  const LearnedSessions& sessions = *pool.sticky.learned;
  const SessionsLive& live = *sessions.live;
  boost::json::object requests;
  for (std::size_t i = 1; i < kSessionEnds; ++i) {
    requests[edge::name_of(static_cast<SessionEnd>(i))] = read(live.requests[i]);
  }
  return {{"store", "redis"},
          {"state", name_of(live.store())},
          {sessions.by == LearnedSessions::By::cookie ? "learn" : "header", sessions.name},
          {"requests", std::move(requests)},
          {"learned", read(live.learned)},
          {"moved", read(live.moved)},
          {"written", read(live.written)},
          {"write_failures", read(live.write_failures)},
          {"write_reason", source.sessions != nullptr ? source.sessions->reason() : std::string()},
          {"read_reason", source.sessions != nullptr ? source.sessions->read_reason() : std::string()},
          {"dropped", read(live.dropped)},
          {"remembers", live.table.capacity()},
          {"evicted", live.table.evicted()}};
}

}  // namespace edge
