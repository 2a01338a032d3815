#pragma once
// SpanLane: a worker's spans on their way to the control loop: written as OTLP has them where everything about them is
// known, and carried away from there. A full lane drops the span and counts it: no request waits for a collector. Made
// by SpanExport; one worker writes, the control loop reads.

#include <cstddef>
#include <cstdint>
#include <string>

#include "edge/core/message/otlp.h"
#include "edge/serve/account/octet_ring.h"
#include "shared/core/counter.h"

namespace edge {

class SpanLane {
 public:
  static constexpr std::size_t kSize = 1024 * 1024;

  // The worker's side: one at a time, begin(), its attributes, end().
  [[nodiscard]] SpanWriter begin(const SpanFrame& frame);
  void end();

  // The control loop's: as append_batched() has them, to the end of `batch`.
  void drain(std::string& batch) { ring_.drain(batch); }
  // Of any thread.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.read(); }

 private:
  OctetRing ring_{kSize};
  std::string span_;
  std::string batched_;
  shared::Counter dropped_;
};

}  // namespace edge
