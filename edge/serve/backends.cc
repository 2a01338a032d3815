#include "edge/serve/backends.h"

#include <algorithm>
#include <random>
#include <set>

#include "shared/serve/log.h"

namespace edge {
namespace {

shared::ProbeTarget probe_target(const HealthTarget& target, const shared::Endpoint& endpoint, std::uint32_t id) {
  shared::ProbeTarget probe;
  probe.id = shared::ProbeTargetId{id};
  probe.name = target.pool + "/" + target.server;
  probe.endpoint = endpoint;
  probe.kind = target.check.kind == HealthCheck::Kind::tcp ? shared::ProbeKind::tcp : shared::ProbeKind::http;
  probe.host = target.check.host.empty() ? target.server : target.check.host;
  probe.path = target.check.path;
  probe.interval = target.check.interval;
  probe.timeout = target.check.timeout;
  probe.expected = {.first = target.check.status_low, .last = target.check.status_high};
  return probe;
}

std::string_view text_of(shared::HealthState state) {
  switch (state) {
    case shared::HealthState::up:
      return "up";
    case shared::HealthState::down:
      return "down";
    case shared::HealthState::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

shared::Result<std::unique_ptr<Backends>> Backends::make(shared::asio::io_context& loop, Live& live,
                                                         std::function<void()> on_addresses) {
  std::unique_ptr<Backends> made(new Backends(live, std::move(on_addresses)));
  auto resolver = shared::Resolver::make(loop, {});
  if (!resolver) return tl::unexpected(resolver.error());
  made->resolver_ = std::move(*resolver);
  Backends* self = made.get();
  shared::ProberSettings settings;
  settings.seed = std::random_device{}();  // the edges of a region do not probe in step
  auto prober =
      shared::Prober::make(loop, settings, [self](const shared::ProbeReport& report) { self->on_report(report); });
  if (!prober) return tl::unexpected(prober.error());
  made->prober_ = std::move(*prober);
  return made;
}

void Backends::set(const Built& built) {
  std::set<ServerId> checked;
  for (const HealthTarget& target : built.servers.health_targets) checked.insert(target.id);
  for (const HealthTarget& before : targets_) {
    // No check any more: nothing is known of it, and nothing stands against it.
    if (!checked.contains(before.id)) live_.server(before.id).state.set_health(shared::HealthState::unknown);
  }
  targets_ = built.servers.health_targets;
  literal_ = built.servers.addresses;
  watch_names(built.servers.names);
  rebuild_addresses();
  rebuild_probes();
}

std::string Backends::remember() const {
  std::string lines;
  for (const auto& [id, named] : names_) {
    for (const auto& endpoint : named.endpoints) {
      lines += "resolved " + named.name.host + ' ' + endpoint.address.to_string() + '\n';
    }
  }
  for (const auto& [target, endpoint] : probes_) {
    const auto state = machines_.at({target->id, endpoint}).state();
    if (state == shared::HealthState::unknown) continue;
    lines += target->pool + ' ' + target->server + ' ' + endpoint.to_string() + ' ';
    lines += std::string(text_of(state)) + '\n';
  }
  return lines;
}

void Backends::recall(std::string_view lines) {
  std::set<std::string_view> known;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    known.insert(line);
  }
  if (known.empty()) return;
  recall_addresses(known);
  for (const auto& [target, endpoint] : probes_) {
    const std::string line = target->pool + ' ' + target->server + ' ' + endpoint.to_string() + ' ';
    for (const auto state : {shared::HealthState::up, shared::HealthState::down}) {
      if (!known.contains(line + std::string(text_of(state)))) continue;
      machines_.at({target->id, endpoint}) = shared::HealthMachine(state);
      store_health(target->id);
    }
  }
}

void Backends::recall_addresses(const std::set<std::string_view>& known) {
  for (auto& [id, named] : names_) {
    const std::string begin = "resolved " + named.name.host + ' ';
    for (auto it = known.lower_bound(begin); it != known.end() && it->starts_with(begin); ++it) {
      const auto address = shared::IpAddress::parse(it->substr(begin.size()));
      if (address) named.endpoints.push_back({*address, named.name.port});
    }
  }
  rebuild_addresses();
  rebuild_probes();
}

void Backends::watch_names(const std::vector<NameToResolve>& names) {
  std::map<ServerId, Named> next;
  for (const NameToResolve& name : names) {
    // The same id has the same name and port: its watch goes on.
    if (auto before = names_.extract(name.id)) {
      next.insert(std::move(before));
      continue;
    }
    Named named{.name = name, .endpoints = {}, .watch = {}};
    named.watch = resolver_->watch(name.host, shared::ResolveFamily::any,
                                   [this, id = name.id](auto result) { on_resolved(id, std::move(result)); });
    next.emplace(name.id, std::move(named));
  }
  names_ = std::move(next);
}

void Backends::on_resolved(ServerId server, shared::Result<shared::Resolved> result) {
  const auto it = names_.find(server);
  if (it == names_.end()) return;
  Named& named = it->second;
  if (!result) {
    shared::log_event(shared::Level::warn, "name_unresolved",
                      {{"name", named.name.host}, {"reason", result.error().message}});
    return;
  }
  named.endpoints.clear();
  for (const shared::IpAddress& address : result->addresses) named.endpoints.push_back({address, named.name.port});
  shared::log_event(shared::Level::info, "name_resolved",
                    {{"name", named.name.host}, {"addresses", named.endpoints.size()}});
  rebuild_addresses();
  rebuild_probes();
  on_addresses_();
}

void Backends::rebuild_addresses() {
  auto next = std::make_shared<Addresses>(*literal_);
  for (const auto& [id, named] : names_) next->set(id, named.endpoints);
  addresses_ = std::move(next);
}

void Backends::rebuild_probes() {
  probes_.clear();
  std::vector<shared::ProbeTarget> targets;
  std::map<Probed, shared::HealthMachine> machines;
  for (const HealthTarget& target : targets_) {
    for (const shared::Endpoint& endpoint : addresses_->of(target.id)) {
      const auto before = machines_.find({target.id, endpoint});
      machines.emplace(Probed(target.id, endpoint),
                       before != machines_.end() ? before->second : shared::HealthMachine());
      targets.push_back(probe_target(target, endpoint, static_cast<std::uint32_t>(probes_.size())));
      probes_.emplace_back(&target, endpoint);
    }
  }
  machines_ = std::move(machines);
  for (const HealthTarget& target : targets_) store_health(target.id);
  prober_->set_targets(std::move(targets));
}

void Backends::on_report(const shared::ProbeReport& report) {
  const auto& [target, endpoint] = probes_[static_cast<std::size_t>(report.id)];
  shared::HealthMachine& machine = machines_.at({target->id, endpoint});
  if (!machine.observe(report.outcome, target->check.settings)) return;
  const bool up = machine.state() == shared::HealthState::up;
  shared::log_event(up ? shared::Level::info : shared::Level::warn, up ? "server_up" : "server_down",
                    {{"pool", target->pool},
                     {"server", target->server},
                     {"address", endpoint.to_string()},
                     {"reason", report.reason}});
  store_health(target->id);
}

// A server of several addresses is up while one of them is, down when all are.
void Backends::store_health(ServerId server) {
  auto state = shared::HealthState::unknown;
  bool any_unknown = false;
  for (auto it = machines_.lower_bound({server, shared::Endpoint()}); it != machines_.end(); ++it) {
    if (it->first.first != server) break;
    const shared::HealthState one = it->second.state();
    if (one == shared::HealthState::up) state = one;
    if (one == shared::HealthState::unknown) any_unknown = true;
    if (one == shared::HealthState::down && state == shared::HealthState::unknown) state = one;
  }
  if (state == shared::HealthState::down && any_unknown) state = shared::HealthState::unknown;
  ServerState& known = live_.server(server).state;
  // A server that comes up for the first time is as warm as the others.
  if (state == shared::HealthState::up && known.health() == shared::HealthState::down) {
    known.set_slow_start(shared::Clock::now());
  }
  known.set_health(state);
  if (shared::log_enabled(shared::Level::debug)) {
    shared::log_event(shared::Level::debug, "server_health",
                      {{"server", static_cast<std::uint32_t>(server)}, {"state", text_of(state)}});
  }
}

}  // namespace edge
