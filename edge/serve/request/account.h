#pragma once
// account: the last step of a request: counters and a line in the access log, also for a request whose head was refused
// before there was anything to serve. On the request's worker; its thread.

#include "edge/serve/request/request.h"
#include "shared/http/refusal.h"

namespace edge {

void account(Request& request);

// For a request that never got to serve_one: its head was refused. `tls` is null where it did not come by TLS.
void account_refusal(WorkerContext& context, const shared::IpAddress& client, const http::Refusal& refusal,
                     const shared::TlsFacts* tls);

}  // namespace edge
