#pragma once
// GeoState: what became of the geo databases that came while a server runs, for /status, /metrics and the next start.
// A plain value of Control's.

#include <cstdint>
#include <optional>
#include <string>

#include "dns/load/geo/geo_memory.h"
#include "dns/load/world/geo_guard.h"
#include "shared/core/time.h"
#include "shared/load/diagnostics.h"

namespace dns {

struct GeoState {
  std::uint64_t taken = 0;  // databases since the start, the first included
  std::uint64_t refused = 0;
  shared::WallTime last{};                    // when the present database was taken
  GeoVerdict verdict;                         // of the last one that came, taken or not
  std::string message;                        // why the last one that came was not taken; empty: it was
  std::optional<GeoMemory::Waiting> waiting;  // a newer one that the guard refuses

  // A new database has come; an error among the diagnostics kept it, or all that came with it, out: then false.
  bool note(const GeoVerdict& judged, const FileStamp& stamp, const shared::load::Diagnostics& diagnostics,
            shared::WallTime now);
  // The guard has spoken at the start already.
  void recall(const GeoVerdict& judged, const GeoMemory::Waiting& kept_waiting);
};

}  // namespace dns
