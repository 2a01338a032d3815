#pragma once
// account_session(): what a TCP connection or a UDP session to a pool leaves behind when it is over: counters, its line
// in the access log, and a word in the log where no server was reached. For requests that is account(). The worker's
// thread.

#include <cstdint>
#include <optional>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/request/context.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

struct SessionRecord {
  Transport transport = Transport::tcp;
  shared::IpAddress client{};
  std::string_view listener{}, server_name{}, pool{}, server{};  // empty: it did not come so far
  std::uint64_t octets_in = 0, octets_out = 0;                   // from the client, to the client
  // Zero: never. The first octet is the server's.
  shared::TimePoint began{}, picked{}, connected{}, first_byte{};
  std::uint32_t attempts = 0;
  std::optional<Error> error{};           // nothing: it ended well
  const shared::TlsFacts* tls = nullptr;  // of TLS that ended here; null: none did
};

// Once it is known where it goes; the other half is account_session().
void begin_session(WorkerContext& context, Transport transport);
void account_session(WorkerContext& context, const SessionRecord& record);

}  // namespace edge
