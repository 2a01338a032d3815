#pragma once
// The library's (nghttp2) client session of one connection to a server: its options and settings, and its callbacks,
// which call the H2Upstream that owns it. On its worker's thread.

#include "edge/core/pool/pool.h"
#include "edge/serve/io/h2_library.h"
#include "shared/http/head.h"

namespace edge {

class H2Upstream;

// With the preface and our SETTINGS queued. Null: no memory.
[[nodiscard]] H2Session make_h2_client_session(H2Upstream& connection, const ServerHttp2& settings,
                                               const http::HeadLimits& limits);

}  // namespace edge
