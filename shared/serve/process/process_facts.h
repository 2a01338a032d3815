#pragma once
// ProcessFacts: what both servers say of themselves, under the same names: in /metrics with the server's prefix, in
// /status as keys. Value type; control loop.

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "shared/core/time.h"
#include "shared/load/diagnostics.h"
#include "shared/serve/admin/metrics.h"

namespace shared {

struct ProcessFacts {
  std::string version;
  std::string config;             // the file
  std::uint64_t config_hash = 0;  // of what stands in it and in its includes
  WallTime started{};
  WallTime configured{};  // when the configuration in force was taken
  std::uint64_t reloads_done = 0;
  std::uint64_t reloads_refused = 0;
  std::string state_problem;  // why something is not kept in the state directory; empty: all is well
};

// `prefix`: "meridian_dns".
void write_facts(MetricsWriter& out, std::string_view prefix, const ProcessFacts& facts);
void put_facts(boost::json::object& status, const ProcessFacts& facts);

[[nodiscard]] std::string config_hash_text(std::uint64_t hash);  // 16 hexadecimal digits

// A line for each: config_error or config_warning, with its place.
void log_diagnostics(const load::Diagnostics& diagnostics);
// The event of a reload that changed nothing.
void log_refusal(const load::Diagnostics& diagnostics);

}  // namespace shared
