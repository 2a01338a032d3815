#include "shared/serve/prober.h"

#include <algorithm>
#include <utility>

#include "shared/serve/probe.h"

namespace shared {

class Prober::Impl {
 public:
  explicit Impl(std::shared_ptr<ProbeContext> context) : context_(std::move(context)) {}
  ~Impl() {
    context_->on_report = nullptr;
    for (const auto& probe : probes_) probe->stop();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void set_targets(std::vector<ProbeTarget> targets) {
    std::vector<std::shared_ptr<Probe>> before;
    before.swap(probes_);
    std::vector<std::shared_ptr<Probe>> fresh;
    for (ProbeTarget& target : targets) {
      const auto same = std::ranges::find_if(before, [&](const auto& probe) { return probe->serves(target); });
      if (same != before.end()) {
        (*same)->rename(target);
        probes_.push_back(std::move(*same));
        before.erase(same);
        continue;
      }
      fresh.push_back(std::make_shared<Probe>(context_, std::move(target)));
      probes_.push_back(fresh.back());
    }
    for (const auto& probe : before) probe->stop();
    for (const auto& probe : fresh) probe->start();
  }

  [[nodiscard]] std::uint64_t discarded() const { return context_->discarded; }

 private:
  std::shared_ptr<ProbeContext> context_;
  std::vector<std::shared_ptr<Probe>> probes_;
};

bool ProbeTls::operator==(const ProbeTls& other) const {
  const bool same_file =
      authorities && other.authorities ? *authorities == *other.authorities : authorities == other.authorities;
  return same_file && verify == other.verify && server_name == other.server_name;
}

std::unique_ptr<Prober> Prober::make(Loop& loop, const ProberSettings& settings, Callback on_report) {
  std::shared_ptr<ProbeContext> context(new ProbeContext{loop, settings, std::move(on_report), ProbeTlsContexts(),
                                                         StallWatch(loop, settings.stall_threshold), 0, 0});
  return std::unique_ptr<Prober>(new Prober(std::make_shared<Impl>(std::move(context))));
}

Prober::Prober(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Prober::~Prober() = default;

void Prober::set_targets(std::vector<ProbeTarget> targets) { impl_->set_targets(std::move(targets)); }

std::uint64_t Prober::discarded() const { return impl_->discarded(); }

}  // namespace shared
