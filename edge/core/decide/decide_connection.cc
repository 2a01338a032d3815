#include "edge/core/decide/decide_connection.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "edge/core/pool/request_key.h"
#include "shared/core/trace.h"
#include "shared/http/fields.h"

namespace edge {
namespace {

const http::FieldList kNoFields;

template <class Trace>
std::optional<PoolId> pool_of(const AskedConnection& asked, Trace& trace) {
  if (asked.listener.sni.empty()) return asked.listener.pool;
  const auto by_name = asked.listener.sni.find(asked.server_name);
  trace.note("sni", [&] {
    const std::string name = asked.server_name.empty() ? "no server name" : std::string(asked.server_name);
    return name + (by_name ? "" : asked.listener.pool ? ": as all others" : ": no rule for it");
  });
  return by_name ? by_name : asked.listener.pool;
}

ConnectionDecision refused(ErrorKind kind, std::string_view why) {
  ConnectionDecision decision;
  decision.refusal = Error{.kind = kind, .side = Side::client, .detail = why};
  return decision;
}

// How often the client has come. Who has to wait under `excess: delay` is let in: nothing has been asked yet.
template <class AnyLive, class Trace>
bool comes_too_often(const AskedConnection& asked, ConnectionDecision& decision, Trace& trace) {
  if (asked.listener.limits.empty()) return false;
  const LimitSubject subject{
      .client = asked.client, .fields = kNoFields, .tier = {}, .host = {}, .route = asked.listener.name};
  constexpr Counting kCounting = std::is_const_v<AnyLive> ? Counting::foresee : Counting::count;
  const LimitRuling ruling = rule(asked.listener.limits, subject, asked.now, kCounting);
  if (ruling.by == nullptr) return false;
  trace.note("limit", [&] { return words_of(ruling); });
  if (!ruling.refused) return false;
  decision.refusal = Error{.kind = ErrorKind::rate_limited, .side = Side::client, .detail = ruling.by->reason()};
  return true;
}

// How often it is there.
template <class AnyLive, class Trace>
bool is_there_too_often(const AskedConnection& asked, ConnectionDecision& decision, Trace& trace) {
  const ConnectionBound* bound = asked.listener.bound.get();
  if (bound == nullptr || bound->mode == shared::Mode::disabled) return false;
  ConnectionCounts& counts = *bound->counts;
  const bool shadow = bound->mode == shared::Mode::shadow;
  trace.note("per_client", [&] {
    const std::uint32_t now = counts.of(asked.client);
    const std::string_view ruling = now < bound->most ? "" : shadow ? ": one more would be refused" : ": refused";
    return std::to_string(now) + " of " + std::to_string(bound->most) + " connections" + std::string(ruling);
  });
  bool over = counts.of(asked.client) >= bound->most;
  if constexpr (!std::is_const_v<AnyLive>) {
    const std::uint32_t most = shadow ? UINT32_MAX : bound->most;
    const ConnectionCounts::Taken taken = counts.take(asked.client, most);
    if (taken == ConnectionCounts::Taken::counted) decision.permit = ConnectionPermit(bound->counts, asked.client);
    if (shadow && over) counts.shadowed.fetch_add(1, std::memory_order_relaxed);
    over = taken == ConnectionCounts::Taken::over;
    if (over) counts.refused.fetch_add(1, std::memory_order_relaxed);
  }
  if (shadow || !over) return false;
  decision.refusal =
      Error{.kind = ErrorKind::rate_limited, .side = Side::client, .detail = "the client has per_client connections"};
  return true;
}

// "tcp:192.0.2.1:6379" is also meant by 192.0.2.1:6379, tcp:6379 and 6379.
bool is_meant(const PoolListener& listener, std::string_view asked) {
  const std::string_view name = listener.name;
  if (name.empty() || name == asked) return !name.empty();
  const std::string_view protocol = name.substr(0, name.find(':') + 1);
  if (asked.starts_with(protocol)) asked.remove_prefix(protocol.size());
  return name.ends_with(":" + std::string(asked));
}

std::string answer_of(const ConnectionDecision& decision) {
  if (decision.at_pool.pool == nullptr) return "refused: " + std::string(decision.refusal->detail);
  std::string answer = "pool " + decision.at_pool.pool->name + ", ";
  if (decision.refusal) return answer + "refused: " + std::string(decision.refusal->detail);
  if (decision.at_pool.last_resort) {
    answer += "whose servers are all down, as checked, and are tried all the same: ";
  }
  return answer + "server " + decision.first.server->name;
}

}  // namespace

template <class AnyLive, class Trace>
ConnectionDecision decide_connection(const Snapshot& snapshot, AnyLive& live, const AskedConnection& asked,
                                     BalanceState& balance, Trace& trace) {
  const bool allowed = asked.listener.allows(asked.client);
  if (asked.listener.allow) {
    trace.note("allow", [&] { return asked.client.to_string() + (allowed ? " is allowed" : " is not allowed"); });
  }
  if (!allowed) return refused(ErrorKind::forbidden, "client not in the listener's allow list");
  ConnectionDecision decision;
  if (comes_too_often<AnyLive>(asked, decision, trace) || is_there_too_often<AnyLive>(asked, decision, trace)) {
    return decision;
  }
  const std::optional<PoolId> id = pool_of(asked, trace);
  if (!id) return refused(ErrorKind::no_route, "no pool for this server name");
  const Pool& pool = snapshot.pools->effective(*id);
  decision.at_pool.pool = &pool;
  decision.at_pool.key = request_key(pool, {.client = asked.client, .fields = kNoFields, .path = {}});
  const PickMoment moment{.addresses = *snapshot.addresses, .now = asked.now};
  decision.first = next_server(decision.at_pool, moment, live, balance, trace);
  if (decision.first.server == nullptr) {
    const bool full = decision.at_pool.overload == Overload::full;
    decision.refusal = Error{.kind = full ? ErrorKind::overloaded : ErrorKind::no_server,
                             .side = Side::upstream,
                             .detail = why_no_server(decision.at_pool)};
  }
  return decision;
}

template ConnectionDecision decide_connection(const Snapshot&, Live&, const AskedConnection&, BalanceState&,
                                              shared::NullTrace&);
template ConnectionDecision decide_connection(const Snapshot&, Live&, const AskedConnection&, BalanceState&,
                                              shared::RecordingTrace&);
template ConnectionDecision decide_connection(const Snapshot&, const Live&, const AskedConnection&, BalanceState&,
                                              shared::RecordingTrace&);

shared::Result<std::string> explain_connection(const Snapshot& snapshot, const Live& live,
                                               const ExplainedConnection& asked, ExplainMoment moment) {
  std::string known;
  const PoolListener* meant = nullptr;
  static const PoolListeners kNone;
  for (const PoolListener& listener : snapshot.listeners != nullptr ? *snapshot.listeners : kNone) {
    if (is_meant(listener, asked.listener) && meant == nullptr) meant = &listener;
    if (!listener.name.empty()) known += (known.empty() ? "" : ", ") + listener.name;
  }
  if (meant == nullptr) {
    return shared::fail("no listener " + asked.listener + " of protocol tcp or udp; there " +
                        (known.empty() ? "is none" : "are: " + known));
  }
  shared::RecordingTrace trace;
  const AskedConnection connection{
      .listener = *meant, .client = asked.client, .server_name = asked.server_name, .now = moment.now};
  const ConnectionDecision decision = decide_connection(snapshot, live, connection, moment.balance, trace);
  std::string lines = "listener: " + meant->name + "\n";
  for (const auto& line : trace.lines()) lines += std::string(line.topic) + ": " + line.text + "\n";
  return lines + "answer: " + answer_of(decision) + "\n";
}

}  // namespace edge
