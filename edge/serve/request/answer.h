#pragma once
// The answers that the edge gives itself: refusals, the health page, what a route says, and errors when no server's
// answer could be had. They open a Page for serve_one to send. On the request's worker; its thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/serve/request/request.h"

namespace edge {

// What was decided without a pool.
void answer_ourselves(Request& request);

// request.error says why no server's answer, or not all of it, was had.
void answer_error(Request& request);

// The plain page of a status, or the way to elsewhere, of the request's route; `reason`, a literal, is for the log.
void answer_status(Request& request, std::uint16_t status, std::string_view reason);
// A page that was made for this request.
void answer_text(Request& request, std::string_view content_type, std::string text);
void answer_redirect(Request& request, std::uint16_t status, std::string_view location);

}  // namespace edge
