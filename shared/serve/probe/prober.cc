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
    for (const auto& probe : probes_) {
      if (probe) probe->stop();
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void set_targets(std::vector<ProbeTarget> targets) {
    std::multimap<Endpoint, std::shared_ptr<Probe>> before;
    for (auto& probe : std::exchange(probes_, {})) {
      if (!probe) continue;
      const Endpoint endpoint = probe->endpoint();
      before.emplace(endpoint, std::move(probe));
    }
    std::vector<std::shared_ptr<Probe>> fresh;
    shortest_ = Duration::max();
    empty_ = 0;
    for (ProbeTarget& target : targets) {
      shortest_ = std::min(shortest_, target.interval);
      if (auto same = take_same(before, target)) {
        same->rename(target);
        probes_.push_back(std::move(same));
        continue;
      }
      fresh.push_back(std::make_shared<Probe>(context_, std::move(target)));
      probes_.push_back(fresh.back());
    }
    for (const auto& [endpoint, probe] : before) probe->stop();
    begin(fresh);
  }

  void change_targets(std::span<const ProbeTargetId> gone, std::vector<ProbeTarget> targets) {
    for (const ProbeTargetId id : gone) {
      auto& place = probes_[static_cast<std::size_t>(id)];
      place->stop();
      place.reset();
      ++empty_;
    }
    std::vector<std::shared_ptr<Probe>> fresh;
    for (ProbeTarget& target : targets) {
      shortest_ = std::min(shortest_, target.interval);
      const auto number = static_cast<std::size_t>(target.id);
      fresh.push_back(std::make_shared<Probe>(context_, std::move(target)));
      if (number == probes_.size()) {
        probes_.push_back(fresh.back());
      } else {
        probes_[number] = fresh.back();
        --empty_;
      }
    }
    begin(fresh);
  }

  [[nodiscard]] std::optional<TimePoint> next_round(std::size_t number) const { return probes_[number]->next_round(); }

  void limit_connections(std::size_t most) { context_->gate->limit(most); }

  [[nodiscard]] std::uint64_t discarded() const { return context_->discarded; }

 private:
  // The starts of all are spread over the shortest interval.
  void begin(const std::vector<std::shared_ptr<Probe>>& fresh) {
    const std::size_t count = probes_.size() - empty_;
    if (count > 0) context_->gate->spread(shortest_, count);
    for (const auto& probe : fresh) probe->start();
  }

  using ByEndpoint = std::multimap<Endpoint, std::shared_ptr<Probe>>;

  static std::shared_ptr<Probe> take_same(ByEndpoint& before, const ProbeTarget& target) {
    const auto [first, last] = before.equal_range(target.endpoint);
    const auto same = std::find_if(first, last, [&](const auto& one) { return one.second->serves(target); });
    if (same == last) return nullptr;
    return before.extract(same).mapped();
  }

  std::shared_ptr<ProbeContext> context_;
  std::vector<std::shared_ptr<Probe>> probes_;  // null: the place is free
  std::size_t empty_ = 0;                       // places that are
  Duration shortest_ = Duration::max();         // interval, of any since set_targets()
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

void Prober::change_targets(std::span<const ProbeTargetId> gone, std::vector<ProbeTarget> fresh) {
  impl_->change_targets(gone, std::move(fresh));
}

std::optional<TimePoint> Prober::next_round(std::size_t number) const { return impl_->next_round(number); }

void Prober::limit_connections(std::size_t most) { impl_->limit_connections(most); }

std::uint64_t Prober::discarded() const { return impl_->discarded(); }

}  // namespace shared
