#include "shared/serve/process/process_facts.h"

#include <array>
#include <chrono>
#include <cstdio>

#include <boost/json.hpp>

#include "shared/serve/os/log.h"
#include "shared/serve/os/utc.h"

namespace shared {
namespace {

double unix_seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

bool is_error(const load::Diagnostic& diagnostic) { return diagnostic.severity == load::Severity::error; }

}  // namespace

std::string config_hash_text(std::uint64_t hash) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

void write_facts(MetricsWriter& out, std::string_view prefix, const ProcessFacts& facts) {
  const auto family = [&](MetricKind kind, std::string_view name, std::string_view help) {
    out.family(kind, std::string(prefix) + std::string(name), help);
  };
  family(MetricKind::gauge, "_build_info", "1; which version runs.");
  out.sample({{"version", facts.version}}, std::uint64_t{1});
  family(MetricKind::gauge, "_start_time_seconds", "When the process started, in seconds since 1970.");
  out.sample({}, unix_seconds(facts.started));
  family(MetricKind::gauge, "_config_info", "1; the hash of the configuration in force.");
  out.sample({{"hash", config_hash_text(facts.config_hash)}}, std::uint64_t{1});
  family(MetricKind::gauge, "_configured_time_seconds",
         "When the configuration in force was taken, in seconds since 1970.");
  out.sample({}, unix_seconds(facts.configured));
  family(MetricKind::counter, "_reloads_total", "Reloads by outcome.");
  out.sample({{"outcome", "done"}}, facts.reloads_done);
  out.sample({{"outcome", "refused"}}, facts.reloads_refused);
  family(MetricKind::gauge, "_state_unwritten",
         "1: the state directory does not take what is to be kept; it is tried again.");
  out.sample({}, std::uint64_t{facts.state_problem.empty() ? 0U : 1U});
  family(MetricKind::counter, "_log_dropped_total", "Lines of the log that nobody read in time.");
  out.sample({}, log_lines_dropped());
}

void put_facts(boost::json::object& status, const ProcessFacts& facts) {
  status["version"] = facts.version;
  status["config"] = facts.config;
  status["config_hash"] = config_hash_text(facts.config_hash);
  status["started"] = utc(facts.started);
  status["configured"] = utc(facts.configured);
  status["reloads_done"] = facts.reloads_done;
  status["reloads_refused"] = facts.reloads_refused;
  if (!facts.state_problem.empty()) status["state_problem"] = facts.state_problem;
}

void log_diagnostics(const load::Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics.told()) {
    const bool error = is_error(diagnostic);
    log_event(error ? Level::error : Level::warn, error ? "config_error" : "config_warning",
              {{"at", diagnostic.at.to_string()}, {"message", diagnostic.message}});
  }
}

void log_refusal(const load::Diagnostics& diagnostics) {
  std::string_view reason;
  for (const auto& diagnostic : diagnostics.list()) {
    if (reason.empty() && is_error(diagnostic)) reason = diagnostic.message;
  }
  log_event(Level::error, "reload_refused", {{"errors", diagnostics.errors()}, {"reason", reason}});
}

}  // namespace shared
