#include "edge/serve/account/span_lane.h"

namespace edge {

SpanWriter SpanLane::begin(const SpanFrame& frame) {
  span_.clear();
  return {span_, frame};
}

void SpanLane::end() {
  batched_.clear();
  append_batched(batched_, span_);
  if (!ring_.put(batched_)) dropped_.add();
}

}  // namespace edge
