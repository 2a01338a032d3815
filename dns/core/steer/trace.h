#pragma once
// The trace sinks of shared/core/trace.h under the names that dns code uses: one deciding path, two sinks.

#include "shared/core/trace.h"

namespace dns {

using shared::NullTrace;
using shared::RecordingTrace;

}  // namespace dns
