#pragma once
// What /metrics and /status tell of the certificates that are shown to clients and to servers: for whom they are, and
// how long they last; never their keys. Control loop.

#include <boost/json/array.hpp>

#include "edge/load/build.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_certificates(const Built& built, shared::MetricsWriter& out);
[[nodiscard]] boost::json::array certificates_json(const Built& built);

}  // namespace edge
