#pragma once
// send_file_body(): a file's body to a client, as pump(): its first piece through memory, with the head; large ones
// from then on by sendfile(2), where nothing has to look at the octets. Its worker's thread.

#include <cstdint>

#include "edge/serve/files/file_body.h"
#include "edge/serve/io/pump.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

// `first`: nothing of it was sent yet; it is kept for the next call.
[[nodiscard]] Pumped send_file_body(FileBody& body, ResponseSink& sink, bool& first);

}  // namespace edge
