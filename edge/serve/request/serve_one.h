#pragma once
// serve_one(): a request from its head, which its connection has read, to its line in the log, read top to bottom, with
// the steps' names of the design:
//
//   match -> admit -> pick -> (queue) -> acquire -> forward -> relay -> account
//   decide()                  Ticket     Tries, each try an Attempt     account()
//
// The one coroutine of a request; every step is a plain function. Runs on the worker that owns the exchange.

#include "edge/serve/io/task.h"
#include "edge/serve/request/exchange.h"

namespace edge {

struct WorkerContext;

// The halves of the exchange and its memory outlive the task.
[[nodiscard]] Task<> serve_one(Exchange exchange, WorkerContext& context);

}  // namespace edge
