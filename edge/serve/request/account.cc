#include "edge/serve/request/account.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge/serve/request/spans.h"

namespace edge {
namespace {

std::uint64_t micros_since(const Request& r, shared::TimePoint then) {
  if (then == shared::TimePoint{}) return 0;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(then - r.asked.began);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, span.count()));
}

std::uint64_t micros_queued(const Request& r) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(r.queued).count());
}

std::uint64_t octets_in(const Request& r) { return r.discarded + (r.body ? r.body->octets() : 0); }

char ending_of(const Request& r) {
  if (r.cut) return r.error.side == Side::client ? ending_of(r.error.kind) : kEndedCut;
  return r.failed ? ending_of(r.error.kind) : kEndedWell;
}

// Empty in the normal case.
std::string_view breaker_word(BreakerPermit::Kind kind) {
  if (kind == BreakerPermit::Kind::probe) return "probe";
  return kind == BreakerPermit::Kind::shadowed ? "shadow" : std::string_view();
}

// As the client asked for it; what cannot be read, as it came.
std::string_view path_of(const Request& r) {
  if (!r.found().asked_path.empty()) return r.found().asked_path;
  return r.found().target.kept.empty() ? r.asked.head->target : r.found().target.kept;
}

// What became of the session that it has brought, or of the one that it got.
std::string_view session_word(const Request& r) {
  if (!r.session_news.empty()) return r.session_news;
  const SessionEnd end = r.decision.at_pool.learned.end;
  return end == SessionEnd::none || end == SessionEnd::asked ? std::string_view() : name_of(end);
}

// One look at the clock for all requests that end in one turn of the loop.
shared::WallTime wall_at(shared::TimePoint now) {
  thread_local shared::TimePoint seen;
  thread_local shared::WallTime wall;
  if (now != std::exchange(seen, now)) wall = std::chrono::system_clock::now();
  return wall;
}

void log_access(Request& r, AccessLane& lane, std::uint64_t total_us) {
  const RequestTarget& target = r.found().target;
  const bool matched = r.found().route != nullptr;
  lane.write(
      {.time = wall_at(r.now()) - std::chrono::microseconds(total_us),
       .client = r.found().client.address,
       .protocol = r.asked.protocol,
       .method = r.asked.head->method_text,
       .host = target.host,
       .path = path_of(r),
       .route = matched ? std::string_view(r.found().route->name) : std::string_view(),
       .tier = r.snapshot->tiers->name(r.found().tier),
       .pool = r.decision.at_pool.pool != nullptr ? std::string_view(r.pool().name) : std::string_view(),
       .server = r.server != nullptr ? std::string_view(r.server->name) : std::string_view(),
       .request_id = r.request_id,
       .user = r.found().identity != nullptr ? std::string_view(r.found().identity->subject) : std::string_view(),
       .trace = r.traceparent,
       .status = r.status,
       .octets_in = octets_in(r),
       .octets_out = r.exchange.sink.octets_sent(),
       .head_us = micros_since(r, r.asked.head_read),
       .picked_us = micros_since(r, r.picked),
       .connected_us = micros_since(r, r.connected),
       .first_byte_us = micros_since(r, r.first_byte),
       .total_us = total_us,
       .attempts = static_cast<std::uint32_t>(r.attempts),
       .ending = ending_of(r),
       .queued_us = micros_queued(r),
       .hedged = r.hedged,
       .breaker = breaker_word(r.permit),
       .reason = r.reason,
       .grpc_status = r.grpc_status,
       .tunnel = r.tunnel_end,
       .cache = name_of(r.cache_verdict),
       .session = session_word(r),
       .tls = r.asked.tls,
       .more = &r.snapshot->settings->access_log,
       .query = r.found().asked_query,
       .fields = &r.asked.head->fields});
}

// A probe of the DNS tier, or of somebody else who wants to know.
bool asks_health(const Request& r) { return r.decision.kind == Decision::Kind::health_page; }

}  // namespace

void account(Request& r) {
  if (r.asked.fetch != nullptr) return r.asked.fetch->account(r);
  if (r.asked.mirrored != nullptr) return r.asked.mirrored->account(r);
  Counters& counters = r.context.counters;
  const std::uint64_t total_us = micros_since(r, r.now());
  counters.duration.record(total_us);
  counters.responses[r.status < 600 ? r.status / 100 : 0].add();
  if (r.cached != nullptr) counters.cache[static_cast<std::size_t>(r.cache_verdict)].add();
  counters.octets_in.add(octets_in(r));
  counters.octets_out.add(r.exchange.sink.octets_sent());
  if (r.decision.would_be_closed) counters.maintenance_shadowed.add();
  if (r.failed) counters.errors[static_cast<std::size_t>(r.error.kind)].add();
  const bool at_pool = r.decision.at_pool.pool != nullptr;
  if (r.failed && at_pool && r.error.side != Side::client && r.status >= 502 && r.status <= 504) {
    r.context.failures.report(r.server != nullptr ? std::string_view(r.server->name) : std::string_view(r.pool().name),
                              r.status, r.reason, r.now());
  }
  if (r.snapshot->settings->spans.told && !asks_health(r)) [[unlikely]]
    tell_span(r);
  AccessLane* lane = r.context.lane;
  if (lane != nullptr && (r.snapshot->settings->access_log.probes || !asks_health(r))) log_access(r, *lane, total_us);
}

void account_refusal(WorkerContext& context, const shared::IpAddress& client, const http::Refusal& refusal,
                     const shared::TlsFacts* tls) {
  const ErrorKind kind = kind_of(refusal);
  context.counters.responses[refusal.status / 100].add();
  context.counters.errors[static_cast<std::size_t>(kind)].add();
  if (context.lane == nullptr) return;
  AccessRecord record;
  record.time = std::chrono::system_clock::now();
  record.client = client;
  record.status = refusal.status;
  record.ending = ending_of(kind);
  record.reason = refusal.reason;
  record.tls = tls;
  context.lane->write(record);
}

}  // namespace edge
