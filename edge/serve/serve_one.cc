#include "edge/serve/serve_one.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "edge/core/balance.h"
#include "edge/core/region_health.h"
#include "edge/core/request_key.h"
#include "edge/serve/decide.h"
#include "edge/serve/health_page.h"
#include "edge/serve/relay.h"
#include "edge/serve/worker.h"

namespace edge {
namespace {

constexpr std::size_t kMaxAttempts = 3;

// A request counts as in flight at its server until the attempt is over, on every way out.
class InFlight {
 public:
  // `pool` may be null: only a pool that bounds its load counts its requests as a whole.
  InFlight(ServerLive& server, PoolLive* pool) : server_(server), pool_(pool) {
    server_.in_flight.fetch_add(1, std::memory_order_relaxed);
    if (pool_ != nullptr) pool_->in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  ~InFlight() {
    server_.in_flight.fetch_sub(1, std::memory_order_relaxed);
    if (pool_ != nullptr) pool_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  ServerLive& server_;
  PoolLive* pool_;
};

enum class Phase : std::uint8_t { idle, connecting, relaying, done, failed };

struct Request {
  Request(Exchange& exchange_in, Worker& worker_in)
      : exchange(exchange_in), worker(worker_in), snapshot(worker_in.snapshots().pin()) {
    found.client.peer = exchange.peer();
    worker.own_counters().requests.add();
    worker.own_counters().in_flight.add();
  }
  ~Request() { worker.own_counters().in_flight.subtract(); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Exchange& exchange;
  Worker& worker;
  Snapshots::Pin snapshot;
  Match found;
  const Pool* pool = nullptr;
  const Server* server = nullptr;  // of the present or last attempt
  const Server* stale = nullptr;   // its idle connection was dead: worth a fresh one if nobody else is there
  std::array<ServerId, kMaxAttempts> tried{};
  std::size_t attempts = 0;
  Phase phase = Phase::idle;
  std::unique_ptr<UpstreamConnection> upstream;
  std::optional<InFlight> in_flight;
  std::optional<Relay> relay;
  shared::TimePoint picked;
  shared::TimePoint connect_deadline;
  shared::TimePoint connected;
  shared::TimePoint first_byte;
  Error error;
  std::uint16_t status = 0;  // what the client was told
  std::string_view reason;
  std::array<char, 32> fresh_id{};
  std::string_view request_id;  // what the upstream sees

  [[nodiscard]] shared::TimePoint now() const { return worker.loop().now(); }
};

// The answer is given: no pool is asked.
bool answered(Request& r, std::uint16_t status, std::string_view reason) {
  r.status = status;
  r.reason = reason;
  return false;
}

bool refuse(Request& r, const Refusal& refusal) {
  OwnResponse response = own_error(refusal.status);
  // After a request that breaks the protocol nothing on this connection can be trusted.
  response.persistence = refusal.status == 400 ? Persistence::close : Persistence::keep;
  if (refusal.status == 405) response.allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
  r.exchange.respond(response);
  return answered(r, refusal.status, refusal.reason);
}

bool answer_health(Request& r) {
  const HealthPage page = health_page(*r.snapshot, r.worker.live());
  OwnResponse response;
  response.status = page.status;
  response.body = page.body;
  response.content_type = "application/json";
  response.persistence = Persistence::keep;
  r.exchange.respond(response);
  return answered(r, page.status, {});
}

bool match(Request& r) {
  shared::NullTrace trace;
  const Looked looked{.snapshot = *r.snapshot, .head = r.exchange.head(), .scratch = r.exchange.work().target};
  if (const auto refusal = identify_request(looked, r.found, trace)) return refuse(r, *refusal);
  if (r.found.target.path == kHealthPath) return answer_health(r);
  if (const auto refusal = match_request(looked, r.found, trace)) return refuse(r, *refusal);
  return true;
}

// What the route does when it leads to no pool.
bool answer(Request& r, const Respond& respond) {
  OwnResponse response;
  response.status = respond.status;
  response.body = respond.body;
  response.content_type = respond.content_type;
  response.persistence = Persistence::keep;
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
  return answered(r, respond.status, {});
}

bool answer(Request& r, const Redirect& redirect) {
  const std::string location = redirect_location(redirect, r.found.target);
  OwnResponse response = own_error(redirect.status);
  response.location = location;
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
  return answered(r, redirect.status, {});
}

bool answer(Request& r, PoolId pool) {
  r.exchange.work().set_cookie = {};
  r.pool = &r.snapshot->pools->effective(pool);
  const std::string_view fresh = r.worker.fresh_request_id();
  const std::string_view id = request_id_of(r.exchange.head().fields, r.found.client, fresh);
  std::ranges::copy(fresh, r.fresh_id.begin());
  r.request_id = id.data() == fresh.data() ? std::string_view(r.fresh_id.data(), r.fresh_id.size()) : id;
  return true;
}

bool admit(Request& r) {
  shared::NullTrace trace;
  if (const auto refusal = admit(r.found, trace)) return refuse(r, *refusal);
  return std::visit([&r](const auto& action) { return answer(r, action); }, r.found.route->action);
}

void fail_attempt(Request& r, const Error& error) {
  r.error = error;
  r.phase = Phase::failed;
}

// The cookie of a session that begins, or goes on at another server.
void remember_session(Request& r, std::optional<std::uint16_t> session) {
  if (!r.pool->sticky.enabled() || r.server == nullptr) return;
  const auto index = static_cast<std::size_t>(r.server - r.pool->servers.data());
  r.exchange.work().set_cookie = session == index ? std::string_view() : r.pool->sticky.set_cookies[index];
}

bool pick(Request& r) {
  if (r.attempts == kMaxAttempts) return false;
  shared::NullTrace trace;
  const FieldList& fields = r.exchange.head().fields;
  const KeySource key{.client = r.found.client.address, .fields = fields, .path = r.found.target.path};
  const PickContext context{.live = r.worker.live(),
                            .addresses = *r.snapshot->addresses,
                            .tried = std::span(r.tried).first(r.attempts),
                            .now = r.now(),
                            .key = request_key(*r.pool, key),
                            .session = session_of(*r.pool, fields)};
  r.server = pick(*r.pool, context, r.worker.balance(), trace);
  r.picked = context.now;
  remember_session(r, context.session);
  if (r.server == nullptr) std::swap(r.server, r.stale);
  if (r.server == nullptr) {
    if (r.attempts == 0) fail_attempt(r, {.kind = ErrorKind::no_server, .detail = "no usable server in the pool"});
    return false;
  }
  if (r.attempts > 0) r.worker.own_counters().retries.add();
  r.tried[r.attempts++] = r.server->id;
  return true;
}

// The request's head for the upstream, and whatever of the body is at hand, in one send.
void forward(Request& r) {
  Work& work = r.exchange.work();
  const Snapshot& snapshot = *r.snapshot;
  const UpstreamRequest request{
      .head = r.exchange.head(),
      .target = r.found.target,
      .framing = r.exchange.framing(),
      .client = r.found.client,
      .tiers = *snapshot.tiers,
      .tier = r.found.tier,
      .rules = r.found.route->request_rules,
      .scheme = r.exchange.scheme(),
      .request_id = r.request_id,
  };
  work.upstream_out.clear();
  const auto size = write_upstream_request(work.upstream_out.room(upstream_request_bound(request)), request);
  if (!size) return fail_attempt(r, {.kind = ErrorKind::internal, .detail = "request head does not fit"});
  work.upstream_out.commit(*size);
  r.connected = r.now();
  r.exchange.invite_body();
  r.relay.emplace(r.exchange, *r.upstream, *r.found.route, *snapshot.settings, r.worker.pipes());
  r.phase = Phase::relaying;
}

void acquire(Request& r) {
  const auto endpoints = r.snapshot->addresses->of(r.server->id);
  const shared::Endpoint& endpoint = endpoints[r.worker.own_counters().requests.read() % endpoints.size()];
  ServerLive& live = r.worker.live().server(r.server->id);
  live.requests.fetch_add(1, std::memory_order_relaxed);
  r.in_flight.emplace(live, r.pool->counts_in_flight() ? &r.worker.live().pool(r.pool->slot) : nullptr);
  const bool fresh = r.attempts > 1 && r.tried[r.attempts - 2] == r.server->id;
  if (!fresh) r.upstream = r.worker.upstreams().take_idle(r.server->id, endpoint);
  if (r.upstream == nullptr) {
    r.upstream = r.worker.upstreams().connect(r.server->id, endpoint);
    if (r.upstream == nullptr) {
      return fail_attempt(r, {.kind = ErrorKind::connect_refused,
                              .side = Side::upstream,
                              .retryable = true,
                              .detail = "connect failed at once"});
    }
    r.connect_deadline = r.now() + r.found.route->timeouts.connect;
    r.phase = Phase::connecting;
  }
  r.upstream->socket().bind(&r.exchange.waiter());
  if (r.phase != Phase::connecting) forward(r);
}

void check_connect(Request& r, Wake wake) {
  Socket& socket = r.upstream->socket();
  if (r.exchange.abandoned()) {
    fail_attempt(r, {.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  } else if (socket.writable() || socket.broken()) {
    if (socket.connect_error() == 0) return forward(r);
    fail_attempt(r, {.kind = ErrorKind::connect_refused,
                     .side = Side::upstream,
                     .retryable = true,
                     .detail = "connect refused or unreachable"});
  } else if (wake == Wake::deadline && r.connect_deadline <= r.now()) {
    fail_attempt(r, {.kind = ErrorKind::connect_timeout,
                     .side = Side::upstream,
                     .retryable = true,
                     .detail = "connect took too long"});
  }
}

void relay(Request& r, Wake wake) {
  const Relay::Step step = wake == Wake::deadline ? r.relay->expire(r.now()) : r.relay->advance(r.now());
  if (step == Relay::Step::done) r.phase = Phase::done;
  if (step == Relay::Step::failed) fail_attempt(r, r.relay->error());
}

// For least_time: until the first byte of the answer; what failed counts as slow, however soon it did.
void remember_time(Request& r) {
  if (!r.pool->measures_time()) return;
  const bool client_left = r.phase == Phase::failed && r.error.side == Side::client;
  const bool heard = r.relay && r.relay->heard();
  if (client_left && !heard) return;
  const ResponseTimeRules& rules = r.pool->response_time;
  shared::Duration took = (heard ? r.relay->first_byte() : r.now()) - r.picked;
  const std::uint16_t status = r.relay && r.relay->responding() ? r.relay->status() : 0;
  const bool bad = status == 500 || (status >= 502 && status <= 504);
  if (bad || (r.phase == Phase::failed && !client_left)) took = std::max<shared::Duration>(took, rules.error);
  r.worker.live().server(r.server->id).response_time.observe(took, r.now(), rules.half_life);
}

// The attempt is over. True: another one may be made, on another server.
bool end_attempt(Request& r) {
  r.in_flight.reset();
  remember_time(r);
  const bool heard = r.relay && r.relay->heard();
  if (heard) r.first_byte = r.relay->first_byte();
  if (r.relay && r.relay->responding()) r.status = r.relay->status();
  if (r.phase == Phase::done) {
    if (r.relay->reusable()) r.worker.upstreams().give_back(std::move(r.upstream), r.pool->keep_alive);
    r.upstream.reset();
    return false;
  }
  if (r.error.side == Side::upstream) {
    r.worker.live().server(r.server->id).failures.fetch_add(1, std::memory_order_relaxed);
  }
  const bool stale = r.upstream != nullptr && r.upstream->reused();
  r.upstream.reset();
  if (!r.error.retryable || heard || r.exchange.body_octets() > 0) return false;
  // Bytes were sent on a reused connection: only what may be done twice is sent again.
  if (stale && !is_idempotent(r.exchange.head().method)) return false;
  r.stale = stale ? r.server : nullptr;
  r.relay.reset();
  r.phase = Phase::idle;
  return true;
}

void answer_error(Request& r) {
  r.reason = r.error.detail;
  if (r.relay && r.relay->responding()) return r.exchange.cut();
  r.status = status_of(r.error.kind);
  if (r.error.kind == ErrorKind::client_closed) return r.exchange.cut();
  OwnResponse response = own_error(r.status);
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
}

std::uint32_t micros_since(const Request& r, shared::TimePoint then) {
  if (then == shared::TimePoint{}) return 0;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(then - r.exchange.began());
  return static_cast<std::uint32_t>(span.count());
}

void log_access(Request& r, AccessLane& lane, std::uint32_t total_us) {
  const RequestTarget& target = r.found.target;
  const bool matched = r.found.route != nullptr;
  lane.write({.time = std::chrono::system_clock::now() - std::chrono::microseconds(total_us),
              .client = r.found.client.address,
              .method = r.exchange.head().method_text,
              .host = target.host,
              .path = target.path.empty() ? r.exchange.head().target : target.path,
              .route = matched ? std::string_view(r.found.route->name) : std::string_view(),
              .tier = r.snapshot->tiers->name(r.found.tier),
              .pool = r.pool != nullptr ? std::string_view(r.pool->name) : std::string_view(),
              .server = r.server != nullptr ? std::string_view(r.server->name) : std::string_view(),
              .request_id = r.request_id,
              .status = r.status,
              .octets_in = r.exchange.body_octets(),
              .octets_out = r.exchange.octets_sent(),
              .head_us = micros_since(r, r.exchange.head_read()),
              .connected_us = micros_since(r, r.connected),
              .first_byte_us = micros_since(r, r.first_byte),
              .total_us = total_us,
              .attempts = static_cast<std::uint32_t>(r.attempts),
              .reason = r.reason});
}

void account(Request& r) {
  Counters& counters = r.worker.own_counters();
  const std::uint32_t total_us = micros_since(r, r.now());
  counters.duration.record(total_us);
  counters.responses[r.status < 600 ? r.status / 100 : 0].add();
  counters.octets_in.add(r.exchange.body_octets());
  counters.octets_out.add(r.exchange.octets_sent());
  if (r.phase == Phase::failed) counters.errors[static_cast<std::size_t>(r.error.kind)].add();
  if (r.phase == Phase::failed && r.status >= 502 && r.status <= 504) {
    r.worker.report_failure(r.server != nullptr ? std::string_view(r.server->name) : std::string_view(r.pool->name),
                            r.status, r.reason);
  }
  if (AccessLane* lane = r.worker.access_lane()) log_access(r, *lane, total_us);
}

}  // namespace

Task<> serve_one(Exchange& exchange, Worker& worker) {
  Request request(exchange, worker);
  Waiter& waiter = exchange.waiter();
  if (match(request) && admit(request)) {
    while (pick(request)) {
      acquire(request);
      while (request.phase == Phase::connecting) {
        const Wake wake = co_await waiter.until(request.connect_deadline);
        check_connect(request, wake);
      }
      if (request.phase == Phase::relaying) relay(request, Wake::event);
      while (request.phase == Phase::relaying) {
        const shared::TimePoint deadline = request.relay->deadline();
        const Wake wake = co_await waiter.until(deadline);
        relay(request, wake);
      }
      if (!end_attempt(request)) break;
    }
    if (request.phase != Phase::done) answer_error(request);
  }
  shared::TimePoint send_deadline = request.now() + request.snapshot->settings->timeouts.send;
  Sent sent = exchange.flush();
  while (sent == Sent::blocked) {
    const Wake wake = co_await waiter.until(send_deadline);
    if (wake == Wake::deadline && send_deadline <= request.now()) exchange.cut();
    sent = wake == Wake::deadline ? Sent::failed : exchange.flush();
  }
  account(request);
}

OwnResponse own_error(std::uint16_t status) {
  OwnResponse response;
  response.status = status;
  response.body = reason_phrase(status);
  response.persistence = Persistence::keep;
  return response;
}

void account_refusal(Worker& worker, const Exchange& exchange, const Refusal& refusal) {
  Counters& counters = worker.own_counters();
  counters.responses[refusal.status / 100].add();
  const bool slow = refusal.status == 408;
  counters.errors[static_cast<std::size_t>(slow ? ErrorKind::request_timeout : ErrorKind::bad_request)].add();
  AccessLane* lane = worker.access_lane();
  if (lane == nullptr) return;
  AccessRecord record;
  record.time = std::chrono::system_clock::now();
  record.client = exchange.peer();
  record.status = refusal.status;
  record.reason = refusal.reason;
  lane->write(record);
}

}  // namespace edge
