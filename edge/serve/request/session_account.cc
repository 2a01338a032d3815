#include "edge/serve/request/session_account.h"

#include <algorithm>
#include <chrono>

namespace edge {
namespace {

constexpr std::uint16_t kEndedWellStatus = 200;  // as other L4 proxies have it

std::uint64_t micros(const SessionRecord& record, shared::TimePoint then) {
  if (then == shared::TimePoint{}) return 0;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(then - record.began);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, span.count()));
}

void log_session(AccessLane& lane, const SessionRecord& record, std::uint64_t total_us) {
  AccessRecord line;
  line.time = std::chrono::system_clock::now() - std::chrono::microseconds(total_us);
  line.client = record.client;
  line.method = record.transport == Transport::tcp ? "TCP" : "UDP";
  line.host = record.server_name;
  line.route = record.listener;
  line.pool = record.pool;
  line.server = record.server;
  line.status = record.error ? status_of(record.error->kind) : kEndedWellStatus;
  line.octets_in = record.octets_in;
  line.octets_out = record.octets_out;
  line.picked_us = micros(record, record.picked);
  line.connected_us = micros(record, record.connected);
  line.first_byte_us = micros(record, record.first_byte);
  line.total_us = total_us;
  line.attempts = record.attempts;
  line.tls = record.tls;
  line.ending = record.error ? ending_of(record.error->kind) : kEndedWell;
  if (record.error) line.reason = record.error->detail;
  lane.write(line);
}

}  // namespace

void begin_session(WorkerContext& context, Transport transport) {
  SessionCounters& counters = context.counters.sessions[static_cast<std::size_t>(transport)];
  counters.begun.add();
  counters.open.add();
}

void account_session(WorkerContext& context, const SessionRecord& record) {
  SessionCounters& counters = context.counters.sessions[static_cast<std::size_t>(record.transport)];
  const std::uint64_t total_us = micros(record, context.now());
  counters.open.subtract();
  counters.octets_in.add(record.octets_in);
  counters.octets_out.add(record.octets_out);
  counters.duration.record(total_us);
  if (record.error) {
    context.counters.errors[static_cast<std::size_t>(record.error->kind)].add();
    const bool unreached = record.connected == shared::TimePoint{} && record.error->side != Side::client;
    if (unreached && !record.pool.empty()) {
      context.failures.report(record.server.empty() ? record.pool : record.server, status_of(record.error->kind),
                              record.error->detail, context.now());
    }
  }
  if (context.lane != nullptr) log_session(*context.lane, record, total_us);
}

}  // namespace edge
