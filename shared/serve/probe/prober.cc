#include "shared/serve/probe/prober.h"

#include <algorithm>
#include <map>
#include <utility>

#include "shared/serve/probe/probe.h"

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
    std::multimap<Endpoint, std::shared_ptr<Probe>> before;
    for (auto& probe : std::exchange(probes_, {})) {
      const Endpoint endpoint = probe->endpoint();
      before.emplace(endpoint, std::move(probe));
    }
    std::vector<std::shared_ptr<Probe>> fresh;
    auto shortest = Duration::max();
    for (ProbeTarget& target : targets) {
      shortest = std::min(shortest, target.interval);
      if (auto same = take_same(before, target)) {
        same->rename(target);
        probes_.push_back(std::move(same));
        continue;
      }
      fresh.push_back(std::make_shared<Probe>(context_, std::move(target)));
      probes_.push_back(fresh.back());
    }
    for (const auto& [endpoint, probe] : before) probe->stop();
    if (!probes_.empty()) context_->gate->spread(shortest, probes_.size());
    for (const auto& probe : fresh) probe->start();
  }

  [[nodiscard]] std::optional<TimePoint> next_round(std::size_t number) const { return probes_[number]->next_round(); }

  void limit_connections(std::size_t most) { context_->gate->limit(most); }

  [[nodiscard]] std::uint64_t discarded() const { return context_->discarded; }

 private:
  using ByEndpoint = std::multimap<Endpoint, std::shared_ptr<Probe>>;

  static std::shared_ptr<Probe> take_same(ByEndpoint& before, const ProbeTarget& target) {
    const auto [first, last] = before.equal_range(target.endpoint);
    const auto same = std::find_if(first, last, [&](const auto& one) { return one.second->serves(target); });
    if (same == last) return nullptr;
    return before.extract(same).mapped();
  }

  std::shared_ptr<ProbeContext> context_;
  std::vector<std::shared_ptr<Probe>> probes_;
};

std::unique_ptr<Prober> Prober::make(Loop& loop, const ProberSettings& settings, Callback on_report) {
  auto gate = std::make_shared<ProbeGate>(loop, settings.most_connections);
  std::shared_ptr<ProbeContext> context(new ProbeContext{loop,
                                                         settings,
                                                         std::move(on_report),
                                                         ClientTlsContexts(),
                                                         StallWatch(loop, settings.stall_threshold),
                                                         std::move(gate),
                                                         0,
                                                         0,
                                                         {}});
  return std::unique_ptr<Prober>(new Prober(std::make_shared<Impl>(std::move(context))));
}

Prober::Prober(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Prober::~Prober() = default;

void Prober::set_targets(std::vector<ProbeTarget> targets) { impl_->set_targets(std::move(targets)); }

std::optional<TimePoint> Prober::next_round(std::size_t number) const { return impl_->next_round(number); }

void Prober::limit_connections(std::size_t most) { impl_->limit_connections(most); }

std::uint64_t Prober::discarded() const { return impl_->discarded(); }

}  // namespace shared
