// Control's part that follows the files of certificates, keys, OCSP responses and ticket keys.

#include <chrono>
#include <utility>

#include "edge/serve/control/control.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

constexpr auto kLook = shared::seconds(5);

}  // namespace

void Control::use_certificates() {
  if (auto certified = certificates_.set(world_->built); !certified) {
    shared::log_event(shared::Level::error, "certificates_kept", {{"reason", certified.error().message}});
  }
}

void Control::watch_certificates() {
  certificate_look_.expires_after(kLook);
  certificate_look_.async_wait([this](shared::error_code error) {
    if (!error) look_at_certificates();
  });
}

// What a file says while another one is not written yet is refused, and read again when that one is.
void Control::look_at_certificates() {
  auto files = tls_files(world_->config);
  if (files.empty()) return watch_certificates();
  service_.builder().run_then(
      supervisor_.loop(), [files = std::move(files)] { return shared::load::stamp_of(files); },
      [this](std::uint64_t stamp) {
        const bool known = certificate_stamp_.has_value();
        const bool changed = std::exchange(certificate_stamp_, stamp) != stamp;
        watch_certificates();
        if (known && changed) renew_certificates();
      });
}

void Control::renew_certificates() {
  shared::Rebuild<World>::Job job;
  const auto inputs = std::make_shared<const PoolInputs>(pool_inputs());
  job.build = [this, inputs](const World& before, shared::load::Diagnostics& diagnostics) {
    return loader_.with_certificates(before, *inputs, diagnostics);
  };
  job.holds = [this](const std::shared_ptr<const World>& before) { return before == world_; };
  job.permit = [](const World& present, const World& next, shared::load::Diagnostics& diagnostics) {
    refuse_expired(present.built, next.built, std::chrono::system_clock::now(), diagnostics);
  };
  job.note = [](const World*, const shared::load::Diagnostics& diagnostics) { shared::log_diagnostics(diagnostics); };
  job.adopt = [this](std::shared_ptr<const World> next) {
    service_.builder().dispose(std::exchange(world_, std::move(next)));
    use_certificates();
    backends_.set(world_->built);
    publish();
    shared::log_event(shared::Level::info, "certificates_renewed");
  };
  job.done = [this, inputs](shared::Rebuilt end, const shared::load::Diagnostics& diagnostics) {
    if (end == shared::Rebuilt::outdated) return renew_certificates();
    if (end == shared::Rebuilt::refused) {
      shared::log_event(shared::Level::error, "certificates_kept", {{"reason", diagnostics.render()}});
    }
    if (*inputs != pool_inputs()) rebuild_pools();  // it was built with what was known when it began
  };
  rebuild_.run(std::move(job));
}

}  // namespace edge
