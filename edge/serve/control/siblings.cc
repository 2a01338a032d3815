#include "edge/serve/control/siblings.h"

#include <algorithm>
#include <random>
#include <utility>

#include "shared/core/edge_report.h"
#include "shared/load/containers.h"

namespace edge {
namespace {

shared::ProbeTarget target_of(const shared::load::EdgeHealth& health, const shared::IpAddress& address,
                              std::size_t index) {
  shared::ProbeTarget target;
  target.id = shared::ProbeTargetId{static_cast<std::uint32_t>(index)};
  target.name = "edge " + address.to_string();
  target.endpoint = {address, health.effective_port()};
  using Kind = shared::load::ProbeKind;
  target.kind = health.kind == Kind::tcp ? shared::ProbeKind::tcp : shared::ProbeKind::http;
  if (health.kind == Kind::https) target.tls = shared::ClientTls();  // as DNS nodes have it by default
  target.host = health.host;
  target.path = health.path;
  target.interval = health.interval;
  target.timeout = health.timeout;
  target.body_kept = shared::EdgeReport::kMaxSize;
  return target;
}

}  // namespace

Siblings::Siblings(shared::Loop& loop) {
  shared::ProberSettings settings;
  settings.seed = std::random_device{}();
  prober_ = shared::Prober::make(loop, settings, [this](const shared::ProbeReport& report) { on_report(report); });
}

void Siblings::set(const shared::load::Config& config, const std::string& region, const shared::IpAddress& own,
                   Wanted wanted) {
  settings_ = config.health.edge.settings();
  own_ = own;
  std::vector<Edge> edges;
  std::vector<shared::ProbeTarget> targets;
  const shared::load::Region* here = shared::load::find_named(config.regions, region);
  if (here != nullptr && wanted == Wanted::yes) {
    for (const auto& edge : here->edges) {
      if (edge.value == own) continue;
      const auto before = std::ranges::find(edges_, edge.value, &Edge::address);
      edges.push_back({edge.value, before != edges_.end() ? before->machine : shared::HealthMachine()});
      targets.push_back(target_of(config.health.edge, edge.value, targets.size()));
    }
  }
  edges_ = std::move(edges);
  prober_->set_targets(std::move(targets));
}

void Siblings::stop() {
  edges_.clear();
  prober_->set_targets({});
}

bool Siblings::unknown() const {
  return std::ranges::any_of(edges_,
                             [](const Edge& edge) { return edge.machine.state() == shared::HealthState::unknown; });
}

std::size_t Siblings::up() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(edges_, [](const Edge& edge) { return edge.machine.state() == shared::HealthState::up; }));
}

const shared::IpAddress* Siblings::before() const {
  const shared::IpAddress* lowest = nullptr;
  for (const Edge& edge : edges_) {
    if (edge.machine.state() != shared::HealthState::up || edge.address > own_) continue;
    if (lowest == nullptr || edge.address < *lowest) lowest = &edge.address;
  }
  return lowest;
}

// One that drains hands over.
void Siblings::on_report(const shared::ProbeReport& report) {
  const auto index = static_cast<std::size_t>(report.id);
  if (index >= edges_.size()) return;
  shared::ProbeOutcome outcome = report.outcome;
  if (outcome == shared::ProbeOutcome::success && !report.body.empty()) {
    const auto page = shared::parse_edge_report(report.body);
    if (page && page->state == shared::EdgeReport::State::draining) outcome = shared::ProbeOutcome::failure;
  }
  edges_[index].machine.observe(outcome, settings_);
}

}  // namespace edge
