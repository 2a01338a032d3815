#pragma once
// serve_one(): a request from its head, which its connection has read, to its line in the log, read top to bottom, with
// the steps' names of the design:
//
//   match -> admit -> pick -> acquire -> forward -> relay -> account
//   decide()                  Tries, each try an Attempt       account()
//
// The one coroutine of a request; every step is a plain function. Runs on the worker that owns the exchange.

#include <cstdint>

#include "edge/core/message/rewrite.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/exchange.h"

namespace edge {

struct WorkerContext;

[[nodiscard]] Task<> serve_one(Exchange& exchange, WorkerContext& context);

// The plain answer for a status of the edge's own; its body is a literal.
[[nodiscard]] OwnResponse own_error(std::uint16_t status);

}  // namespace edge
