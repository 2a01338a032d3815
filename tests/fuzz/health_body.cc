// Whatever a checked server answers: reading its body is safe, and a number that is not there never takes it down.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/serve/control/health_verdict.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

edge::NumberRule rule(const char* name, std::initializer_list<const char*> path, double limit) {
  edge::NumberRule made;
  made.name = name;
  for (const char* step : path) made.path.emplace_back(step);
  made.limit = limit;
  return made;
}

const edge::HealthCheck& check() {
  static const edge::HealthCheck made = [] {
    edge::HealthCheck one;
    one.degraded_when = {rule("cpu_usage", {"cpu_usage"}, 90), rule("a.0.b", {"a", "0", "b"}, 1)};
    one.unhealthy_when = {rule("memory.used", {"memory", "used"}, 95)};
    return one;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto verdict = edge::judge_answer(check(), {.status = 200, .body = body, .complete = true});
  require(verdict.outcome != shared::ProbeOutcome::refused);
  require((verdict.outcome == shared::ProbeOutcome::success) == verdict.reason.empty());
  const auto cut = edge::judge_answer(check(), {.status = 200, .body = body, .complete = false});
  require(cut.outcome == shared::ProbeOutcome::failure);
  return 0;
}
