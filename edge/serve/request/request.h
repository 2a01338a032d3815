#pragma once
// Request: what serve_one and its attempts know of the request that they serve. In serve_one's frame; its worker's
// thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "edge/core/cache/cache_status.h"
#include "edge/core/decide/decide.h"
#include "edge/core/message/errors.h"
#include "edge/core/message/trace_context.h"
#include "edge/core/protect/breaker.h"
#include "edge/serve/redis/session_lookup.h"
#include "edge/serve/request/adding_sink.h"
#include "edge/serve/request/cached_exchange.h"
#include "edge/serve/request/context.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/file_answer.h"
#include "edge/serve/request/hints.h"
#include "edge/serve/request/mirror.h"
#include "edge/serve/request/page.h"
#include "edge/serve/request/page_sink.h"
#include "edge/serve/request/request_body.h"

namespace edge {

struct Request {
  Request(const Exchange& exchange_in, WorkerContext& context_in)
      : exchange(exchange_in),
        asked(exchange.source.facts()),
        context(context_in),
        snapshot(context_in.snapshots.pin()) {
    if (!asked.has_client()) return;
    context.counters.requests.add();
    context.counters.in_flight.add();
    in_flight_ = true;
  }
  ~Request() {
    if (pending != nullptr) pending->waiter = nullptr;
    if (session_lookup != nullptr) session_lookup->waiter = nullptr;
    client_left();
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Nobody waits for it any more, though it may go on for others.
  void client_left() {
    if (std::exchange(in_flight_, false)) context.counters.in_flight.subtract();
  }

  // What stands before the source from now on. REQUIRES: nothing of the body was taken; it outlives the request.
  void interpose(RequestSource& before) {
    const Exchange changed{before, exchange.sink, exchange.waiter, exchange.work};
    std::destroy_at(&exchange);
    std::construct_at(&exchange, changed);
  }
  // What stands before the sink from now on. REQUIRES: nothing of the answer was sent; it outlives the request.
  void interpose(ResponseSink& before) {
    const Exchange changed{exchange.source, before, exchange.waiter, exchange.work};
    std::destroy_at(&exchange);
    std::construct_at(&exchange, changed);
  }

  [[nodiscard]] shared::TimePoint now() const { return context.now(); }
  [[nodiscard]] const Match& found() const { return decision.match; }
  // When a limit lets it go on.
  [[nodiscard]] shared::TimePoint turn() const { return asked.head_read + decision.limit.wait; }
  // REQUIRES of these two: the request leads to a pool.
  [[nodiscard]] const Pool& pool() const { return *decision.at_pool.pool; }
  [[nodiscard]] PoolLive& pool_live() const { return context.live.pool(pool().slot); }
  // A fresh id for what it needs one for, made once: its name in logs, and its trace's.
  [[nodiscard]] std::string_view own_id() {
    if (!std::exchange(has_fresh_id, true)) {
      std::memcpy(fresh_id_text.data(), context.request_ids.fresh().data(), fresh_id_text.size());
    }
    return {fresh_id_text.data(), fresh_id_text.size()};
  }
  void fail(const Error& why) {
    error = why;
    failed = true;
  }

  Exchange exchange;
  const RequestFacts& asked;
  WorkerContext& context;
  Snapshots::Pin snapshot;
  Decision decision;
  std::array<char, RequestIds::kSize> fresh_id_text;  // see own_id()
  bool has_fresh_id = false;
  std::string introduced_id;    // made of the connection's, if a proxy in front has given it one
  std::string_view request_id;  // what the upstream sees

  const Server* server = nullptr;  // of the last attempt
  const Server* stale = nullptr;   // its kept connection was dead: worth a fresh one if nobody else is there
  std::optional<RequestBody> body;
  std::uint64_t discarded = 0;  // octets of the body that nobody was left for
  std::size_t attempts = 0;     // retries and hedges too
  std::size_t dead_connections = 0;
  bool idempotent = false;
  bool hedged = false;
  bool grpc = false;        // it is a call of gRPC
  bool open_ended = false;  // its answer's length was not told
  // When its client stops waiting for all of it; calls of gRPC may say so.
  shared::TimePoint deadline = shared::TimePoint::max();
  bool blamed = false;  // a server has been held to account for this request's failure

  // For the log: of the last attempt.
  shared::Duration queued{};  // it has waited for a place at the pool
  shared::TimePoint picked;
  shared::TimePoint connected;
  shared::TimePoint first_byte;
  BreakerPermit::Kind permit = BreakerPermit::Kind::normal;

  bool done = false;    // a server's whole answer was relayed
  bool failed = false;  // `error` says how
  bool cut = false;     // the client has a part of the answer
  Error error;
  std::uint16_t status = 0;                 // what the client was told
  std::optional<std::uint8_t> grpc_status;  // likewise, of a call
  std::string_view reason;
  std::string_view tunnel_end;                        // of a tunnel; else empty
  std::optional<Page> page;                           // an answer of the edge's own
  std::unique_ptr<FileAnswer> file;                   // of a route with files; null: none
  std::string page_text;                              // of pages that are made for the request
  std::string rate_limit;                             // the value of RateLimit; empty: none is sent
  std::string_view rate_policy;                       // of the same limit, whatever is decided of the request since
  TraceParentText traceparent;                        // of this hop, towards servers; empty: none of ours
  bool recorded = false;                              // spans are told of it
  std::unique_ptr<shared::RecordingTrace> explained;  // how it was decided, for a client that is told; null: nobody is
  std::unique_ptr<AddingSink> adding;                 // fields of ours in the answer; null: none
  std::unique_ptr<PageSink> pages;                    // in the place of servers' errors; null: none
  std::shared_ptr<PendingPassword> pending;
  std::shared_ptr<SessionLookup> session_lookup;  // that it waits for; null: it does not
  shared::TimePoint session_asked;
  std::string_view session_news;           // "learned", "moved"; empty: none
  std::optional<LimitRuling> ruled;        // by the limits, before a password was checked: not counted again
  const Route* ruled_by = nullptr;         // whose limits these are
  std::unique_ptr<CachedExchange> cached;  // its part at the cache; null: the route has none
  std::optional<HintLearner> learner;      // of a route that learns hints
  std::string cache_status;                // Cache-Status of what a server answers itself; empty: none
  CacheVerdict cache_verdict = CacheVerdict::none;
  std::unique_ptr<MirrorTee> tee;  // a copy of the body is made; null: it is not

 private:
  bool in_flight_ = false;  // counted as that
};

}  // namespace edge
