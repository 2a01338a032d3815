// Control's part that follows the files that rules are read from: access lists, keys of tiers.

#include <utility>

#include "edge/serve/control/control.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

constexpr auto kLook = shared::seconds(5);

}  // namespace

void Control::watch_rules() {
  rule_look_.expires_after(kLook);
  rule_look_.async_wait([this](shared::error_code error) {
    if (!error) look_at_rules();
  });
}

void Control::look_at_rules() {
  auto files = rule_files(world_->config);
  if (files.empty()) return watch_rules();
  service_.builder().run_then(
      supervisor_.loop(), [files = std::move(files)] { return shared::load::stamp_of(files); },
      [this](std::uint64_t stamp) {
        const bool known = rule_stamp_.has_value();
        const bool changed = std::exchange(rule_stamp_, stamp) != stamp;
        watch_rules();
        if (known && changed) renew_rules();
      });
}

void Control::renew_rules() {
  shared::Rebuild<World>::Job job;
  job.build = [this](const World& before, shared::load::Diagnostics& diagnostics) {
    return loader_.with_rules(before, diagnostics);
  };
  job.holds = [this](const std::shared_ptr<const World>& before) { return before == world_; };
  job.permit = [](const World&, const World&, shared::load::Diagnostics&) {};
  job.note = [](const World*, const shared::load::Diagnostics& diagnostics) { shared::log_diagnostics(diagnostics); };
  job.adopt = [this](std::shared_ptr<const World> next) {
    service_.builder().dispose(std::exchange(world_, std::move(next)));
    publish();
    shared::log_event(shared::Level::info, "rules_renewed");
  };
  job.done = [this](shared::Rebuilt end, const shared::load::Diagnostics& diagnostics) {
    if (end == shared::Rebuilt::outdated) return renew_rules();
    if (end == shared::Rebuilt::refused) {
      shared::log_event(shared::Level::error, "rules_kept", {{"reason", diagnostics.render()}});
    }
  };
  rebuild_.run(std::move(job));
}

}  // namespace edge
