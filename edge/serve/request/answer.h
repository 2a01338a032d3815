#pragma once
// The answers that the edge gives itself: refusals, the health page, what a route says, and errors when no server's
// answer could be had. They open a Page for serve_one to send. On the request's worker; its thread.

#include "edge/serve/request/request.h"

namespace edge {

// What was decided without a pool.
void answer_ourselves(Request& request);

// request.error says why no server's answer, or not all of it, was had.
void answer_error(Request& request);

}  // namespace edge
