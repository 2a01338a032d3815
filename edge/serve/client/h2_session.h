#pragma once
// H2Session: the library's (nghttp2) server session of one connection: its options and settings, and
// its callbacks, which call the H2Connection. Framing, HPACK, flow control and the order of RFC 9218 are its; what
// becomes of a request is not. Memory comes from the thread's pool, so that client.max_memory counts it. Owned by an
// H2Connection; its worker's thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/io/h2_library.h"

namespace edge {

class H2Connection;

// Octets of bodies that may wait in a connection, each way; a stream may use a half of that.
[[nodiscard]] constexpr std::uint32_t h2_window(const Http2Settings& settings) { return settings.max_buffer / 2; }

// With our SETTINGS queued, which go out as announcement() has them. Null: no memory.
[[nodiscard]] H2Session make_h2_session(H2Connection& connection, const Settings& settings);

// The SETTINGS for the client, from those that the library knows of: the library answers one stream too many with the
// end of the connection, so it believes that there is no limit, and the H2Connection refuses the stream (RFC 9113
// 5.1.2).
[[nodiscard]] std::string announcement(std::string_view frame, const Settings& settings);

}  // namespace edge
