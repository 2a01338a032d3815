#pragma once
// AccessLog: one JSON line per request, off the hot path. A worker formats into its own lane, a ring of bytes with one
// writer and one reader; the log's own thread carries the lanes to the file, which may be a FIFO, and opens it. A full
// lane drops the line and counts it: neither a request nor Control waits for a slow disk, a hung mount or a reader that
// has stopped. Owned by the Server; lanes belong to one worker each.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/account/octet_ring.h"
#include "shared/core/counter.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

// What is known of a request when it is over. Views need to live during the call only.
struct AccessRecord {
  shared::WallTime time;  // of the head's first byte
  shared::IpAddress client;
  std::string_view protocol;  // "HTTP/2.0"; empty: nobody knows
  std::string_view method, host, path, route, tier, pool, server, request_id;
  std::string_view user;     // who has shown who it is; empty: nobody
  std::string_view trace;    // of `traceparent`; empty: none of ours
  std::uint16_t status = 0;  // 499: the client left first
  std::uint64_t octets_in = 0, octets_out = 0;
  // Microseconds from the head's first byte, in the order of the steps; what was not reached is 0. Of the last attempt.
  std::uint64_t head_us = 0, picked_us = 0, connected_us = 0, first_byte_us = 0, total_us = 0;
  std::uint32_t attempts = 0;
  char ending = '-';            // see errors.h
  std::uint64_t queued_us = 0;  // it waited for a place at the pool
  bool hedged = false;
  std::string_view breaker;                 // "probe", "shadow"; empty: nothing to say
  std::string_view reason;                  // why it ended so: empty when all is well
  std::optional<std::uint8_t> grpc_status;  // of a call of gRPC that has one
  std::string_view tunnel;                  // who ended it, or why: of a tunnel alone
  std::string_view cache;                   // "HIT" ...; empty: the route has none
  std::string_view session;                 // "known", "learned" ...; empty: its pool learns none, or it brings none
  const shared::TlsFacts* tls = nullptr;    // null: it did not come by TLS
  // As the configuration wants it; null: nothing more.
  const AccessLogSettings* more = nullptr;
  std::string_view query;  // with its '?'
  const http::FieldList* fields = nullptr;
};

[[nodiscard]] std::string format_access(const AccessRecord& record);

class AccessLane {
 public:
  static constexpr std::size_t kSize = 1024 * 1024;

  // The worker's side: whole lines or nothing.
  void write(const AccessRecord& record);
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.read(); }

 private:
  friend class AccessLog;
  // The log's side: moves what is there to the end of `out`.
  void drain(std::string& out) { ring_.drain(out); }

  OctetRing ring_{kSize};
  shared::Counter dropped_;
};

class AccessLog {
 public:
  // An error when the file cannot be opened; a FIFO without a reader, or a mount that does not answer, is waited for
  // later, by the log's thread.
  static shared::Result<std::unique_ptr<AccessLog>> open(std::string path, std::size_t lanes);
  ~AccessLog();  // writes what is left, if the file takes it within a moment
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  using Reopened = std::function<void(const shared::Result<void>&)>;

  [[nodiscard]] AccessLane& lane(std::size_t worker);
  // After the file was moved away (rotation); keeps the old one when the new one cannot be opened. Returns at once;
  // `done` is called by the log's thread, as soon as that is free. Any thread.
  void reopen(Reopened done);
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct State;
  explicit AccessLog(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // the thread's, too: it may outlive this while the kernel holds it
};

}  // namespace edge
