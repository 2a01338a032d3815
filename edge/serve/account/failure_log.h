#pragma once
// FailureLog: one line in the log for requests that ended with 502, 503 or 504, at most one a second and worker; the
// next line says how many went unsaid. Owned by a worker's context; its thread.

#include <cstdint>
#include <string_view>

#include "shared/core/time.h"

namespace edge {

class FailureLog {
 public:
  void report(std::string_view server, std::uint16_t status, std::string_view reason, shared::TimePoint now);
  [[nodiscard]] std::uint64_t unsaid() const { return unsaid_; }

 private:
  shared::TimePoint quiet_until_{};
  std::uint64_t unsaid_ = 0;
};

}  // namespace edge
