#pragma once
// Exchange: one request and its response, whatever protocol the client speaks, in two halves: where the request comes
// from (request_source.h) and where the response goes (response_sink.h). Something may stand between a half and what
// uses it: a sink that compresses, or writes a copy, is a sink before a sink. Owned by the client's connection; its
// worker's thread.

#include "edge/serve/io/buffers.h"
#include "edge/serve/io/socket.h"
#include "edge/serve/request/request_source.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

struct Exchange {
  RequestSource& source;
  ResponseSink& sink;
  Waiter& waiter;  // where serve_one sleeps: what `wait` and `blocked` of the halves mean
  Work& work;      // the request's memory
};

}  // namespace edge
