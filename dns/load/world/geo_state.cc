#include "dns/load/world/geo_state.h"

#include <algorithm>

namespace dns {

bool GeoState::note(const GeoVerdict& judged, const FileStamp& stamp, const shared::load::Diagnostics& diagnostics,
                    shared::WallTime now) {
  verdict = judged;
  message.clear();
  waiting.reset();
  if (!diagnostics.failed()) {
    ++taken;
    last = now;
    return true;
  }
  ++refused;
  const auto error =
      std::ranges::find(diagnostics.list(), shared::load::Severity::error, &shared::load::Diagnostic::severity);
  if (error != diagnostics.list().end()) message = error->message;
  if (judged.too_much) waiting = {stamp, message};
  return false;
}

void GeoState::recall(const GeoVerdict& judged, const GeoMemory::Waiting& kept_waiting) {
  verdict = judged;
  waiting = kept_waiting;
  message = kept_waiting.why;
  refused = 1;
}

}  // namespace dns
