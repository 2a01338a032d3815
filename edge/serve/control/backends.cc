#include "edge/serve/control/backends.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "edge/serve/control/health_verdict.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/supervisor.h"

namespace edge {
namespace {

// A server that is started again serves a moment later.
constexpr shared::milliseconds kAfterRefusal{20};

// What a check brought counts until so many more have brought nothing.
constexpr int kToldRounds = 3;

shared::ProbeKind kind_of(HealthCheck::Kind kind) {
  switch (kind) {
    case HealthCheck::Kind::tcp:
      return shared::ProbeKind::tcp;
    case HealthCheck::Kind::grpc:
      return shared::ProbeKind::grpc;
    case HealthCheck::Kind::http:
    case HealthCheck::Kind::https:
      break;
  }
  return shared::ProbeKind::http;
}

// gRPC as requests do, on their port.
bool goes_over_tls(const HealthTarget& target, const HealthCheck& check) {
  if (check.kind == HealthCheck::Kind::grpc) return target.tls != nullptr && check.port == 0;
  return check.kind == HealthCheck::Kind::https;
}

// Whom requests trust checks trust, unless they say otherwise; and they show the same.
shared::ClientTls tls_of(const HealthTarget& target, const HealthCheck& check) {
  shared::ClientTls tls{.verify = check.verify, .authorities = check.authorities, .server_name = check.server_name};
  if (target.tls == nullptr) return tls;
  if (!check.verify) {
    tls.verify = target.tls->verify;
    tls.authorities = target.tls->authorities;
  }
  tls.certified = target.tls->certified;
  tls.least = target.tls->least;
  if (tls.server_name.empty() && check.host.empty()) tls.server_name = target.tls->server_name;
  return tls;
}

shared::ProbeTarget probe_target(const HealthTarget& target, const HealthCheck& check,
                                 const shared::Endpoint& endpoint) {
  shared::ProbeTarget probe;
  probe.name = target.pool + "/" + target.server;
  probe.endpoint = endpoint;
  if (check.port != 0) probe.endpoint.port = check.port;
  probe.kind = kind_of(check.kind);
  probe.host = check.host.empty() ? target.host : check.host;
  probe.path = check.path;
  probe.service = check.service;
  if (target.proxy_protocol) probe.greeting = shared::write_proxy_header(*target.proxy_protocol, {});
  probe.interval = check.interval;
  probe.timeout = check.timeout;
  probe.jitter = check.jitter;
  if (goes_over_tls(target, check)) probe.tls = tls_of(target, check);
  probe.expected = {.first = 100, .last = 599};  // judge_answer() says what is good
  probe.body_kept = HealthCheck::kMaxBody;
  return probe;
}

HealthVerdict verdict_of(const HealthCheck& check, const shared::ProbeReport& report) {
  if (report.outcome != shared::ProbeOutcome::success) return {report.outcome, std::string(report.reason)};
  if (check.kind == HealthCheck::Kind::tcp || check.kind == HealthCheck::Kind::grpc) return {};
  return judge_answer(check, {.status = report.status, .body = report.body, .complete = report.body_complete});
}

}  // namespace

Backends::Backends(shared::Loop& loop, Live& live, shared::NameFollower& follower, std::function<void()> on_addresses)
    : live_(live),
      on_addresses_(std::move(on_addresses)),
      follower_(follower),
      together_(loop, {}, [this] { take_changes(); }) {
  shared::ProberSettings settings;
  settings.seed = std::random_device{}();  // the edges of a region do not probe in step
  settings.after_refusal = kAfterRefusal;
  settings.most_connections = check_connections(shared::raise_descriptor_limit());
  prober_ = shared::Prober::make(loop, settings, [this](const shared::ProbeReport& report) { on_report(report); });
}

void Backends::set(const Built& built) {
  std::set<ServerId> checked;
  for (const HealthTarget& target : built.servers.health_targets) checked.insert(target.id);
  for (const HealthTarget& before : targets_) {
    // No check any more: nothing is known of it, and nothing stands against it.
    if (!checked.contains(before.id)) live_.server(before.id).state.set_health(shared::HealthState::unknown);
  }
  targets_ = built.servers.health_targets;
  target_of_.clear();
  for (const HealthTarget& target : targets_) target_of_.emplace(target.id, &target);
  literal_ = built.servers.addresses;
  follow_names(built.servers.names);
  changed_.clear();
  rebuild_addresses();
  rebuild_probes();
}

// What a check's line for a successor begins with.
std::string Backends::line_of(const HealthTarget& target, const Probed& probed) {
  return target.pool + ' ' + target.server + ' ' + probed.endpoint.to_string() + ' ' + std::to_string(probed.check) +
         ' ';
}

std::string Backends::remember() const {
  std::string lines;
  for (const auto& [id, named] : names_) {
    for (const auto& endpoint : named.endpoints) {
      lines += "resolved " + named.name.host + ' ' + endpoint.address.to_string() + '\n';
    }
  }
  for (const auto& [probed, check] : checks_) {
    const shared::HealthState state = check.machine.state();
    if (state == shared::HealthState::unknown) continue;
    lines += line_of(*target_of_.at(probed.server), probed) + std::string(to_string(state)) + '\n';
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
  for (auto& [probed, check] : checks_) {
    using shared::HealthState;
    const std::string line = line_of(*target_of_.at(probed.server), probed);
    for (const auto state : {HealthState::up, HealthState::degraded, HealthState::down}) {
      if (known.contains(line + std::string(to_string(state)))) {
        check.machine = shared::HealthMachine(state);
      }
    }
  }
  for (const HealthTarget& target : targets_) store_health(target);
  choose_addresses();
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

void Backends::follow_names(const std::vector<NameToResolve>& names) {
  std::map<ServerId, Named> next;
  for (const NameToResolve& name : names) {
    // The same id has the same name and port: it is followed on.
    if (auto before = names_.extract(name.id)) {
      next.insert(std::move(before));
      continue;
    }
    Named named{.name = name, .endpoints = {}, .follow = {}};
    named.follow =
        follower_.follow(name.host, shared::ResolveFamily::any, shared::NameFollower::Tell::changes,
                         [this, id = name.id](const shared::Result<shared::Resolved>& r) { on_resolved(id, r); });
    next.emplace(name.id, std::move(named));
  }
  names_ = std::move(next);
}

// A name without an address is no better than one that does not resolve: what it said last holds.
void Backends::on_resolved(ServerId server, const shared::Result<shared::Resolved>& result) {
  const auto it = names_.find(server);
  if (it == names_.end()) return;
  Named& named = it->second;
  if (!result || result->addresses.empty()) {
    shared::log_event(
        shared::Level::warn, "name_unresolved",
        {{"name", named.name.host}, {"reason", result ? "the name has no address" : result.error().message}});
    return;
  }
  std::vector<shared::Endpoint> endpoints;
  for (const shared::IpAddress& address : result->addresses) endpoints.push_back({address, named.name.port});
  shared::log_event(shared::Level::info, "name_resolved", {{"name", named.name.host}, {"addresses", endpoints.size()}});
  if (endpoints == named.endpoints) return;  // a row of failures is over
  named.endpoints = std::move(endpoints);
  changed_.insert(server);
  together_.trigger();
}

// One new set of addresses for all that changed, and new probes where they differ: the others go on.
void Backends::take_changes() {
  const std::set<ServerId> changed = std::exchange(changed_, {});
  auto all = std::make_shared<Addresses>(*all_);
  for (const ServerId id : changed) {
    if (const auto named = names_.find(id); named != names_.end()) all->set(id, named->second.endpoints);
  }
  all_ = std::move(all);
  change_probes(changed);
  auto used = std::make_shared<Addresses>(*addresses_);
  bool other = false;
  for (const ServerId id : changed) {
    std::vector<shared::Endpoint> now = answering(id);
    if (std::ranges::equal(now, addresses_->of(id))) continue;
    used->set(id, std::move(now));
    other = true;
  }
  if (!other) return;
  addresses_ = std::move(used);
  on_addresses_();
}

void Backends::rebuild_addresses() {
  auto next = std::make_shared<Addresses>(*literal_);
  for (const auto& [id, named] : names_) next->set(id, named.endpoints);
  addresses_ = all_ = std::move(next);
}

void Backends::choose_addresses() {
  auto next = std::make_shared<Addresses>(*all_);
  for (const HealthTarget& target : targets_) {
    if (all_->of(target.id).size() > 1) next->set(target.id, answering(target.id));
  }
  addresses_ = std::move(next);
}

// The addresses that are not known to be down; all of them if all are.
std::vector<shared::Endpoint> Backends::answering(ServerId server) const {
  const auto all = all_->of(server);
  std::vector<shared::Endpoint> kept;
  for (const shared::Endpoint& endpoint : all) {
    if (health_at(server, endpoint) != shared::HealthState::down) kept.push_back(endpoint);
  }
  if (kept.empty()) kept.assign(all.begin(), all.end());
  return kept;
}

std::vector<shared::Endpoint> Backends::left_out(ServerId server) const {
  std::vector<shared::Endpoint> missing;
  const auto used = addresses_->of(server);
  for (const shared::Endpoint& endpoint : all_->of(server)) {
    if (std::ranges::find(used, endpoint) == used.end()) missing.push_back(endpoint);
  }
  return missing;
}

void Backends::rebuild_probes() {
  probes_.clear();
  free_.clear();
  std::vector<shared::ProbeTarget> targets;
  std::map<Probed, Check> checks;
  for (const HealthTarget& target : targets_) {
    for (const shared::Endpoint& endpoint : all_->of(target.id)) {
      for (std::size_t i = 0; i < target.checks.size(); ++i) {
        const Probed probed{target.id, endpoint, i};
        const auto before = checks_.find(probed);
        Check& check = checks.emplace(probed, before != checks_.end() ? before->second : Check()).first->second;
        targets.push_back(probe_target(target, target.checks[i], endpoint));
        targets.back().id = check.probe = shared::ProbeTargetId{static_cast<std::uint32_t>(probes_.size())};
        probes_.emplace_back(&target, probed);
      }
    }
  }
  checks_ = std::move(checks);
  for (const HealthTarget& target : targets_) store_health(target);
  choose_addresses();
  prober_->set_targets(std::move(targets));
}

void Backends::change_probes(const std::set<ServerId>& servers) {
  std::vector<shared::ProbeTargetId> gone;
  std::vector<shared::ProbeTarget> fresh;
  for (const ServerId id : servers) {
    const auto found = target_of_.find(id);
    if (found == target_of_.end()) continue;  // it is not checked
    const HealthTarget& target = *found->second;
    const auto now = all_->of(id);
    for (auto it = checks_.lower_bound({id, shared::Endpoint(), 0}); it != checks_.end() && it->first.server == id;) {
      const bool stays = std::ranges::find(now, it->first.endpoint) != now.end();
      if (!stays) gone.push_back(it->second.probe);
      it = stays ? std::next(it) : checks_.erase(it);
    }
    for (const shared::Endpoint& endpoint : now) {
      for (std::size_t i = 0; i < target.checks.size(); ++i) begin_probe(target, {id, endpoint, i}, fresh);
    }
    store_health(target);
  }
  prober_->change_targets(gone, std::move(fresh));
  for (const shared::ProbeTargetId id : gone) free_.push_back(id);
}

// Unless there is one.
void Backends::begin_probe(const HealthTarget& target, const Probed& probed, std::vector<shared::ProbeTarget>& fresh) {
  const auto [at, is_new] = checks_.try_emplace(probed);
  if (!is_new) return;
  if (free_.empty()) {
    free_.push_back(shared::ProbeTargetId{static_cast<std::uint32_t>(probes_.size())});
    probes_.emplace_back();
  }
  at->second.probe = free_.back();
  free_.pop_back();
  probes_[static_cast<std::size_t>(at->second.probe)] = {&target, probed};
  fresh.push_back(probe_target(target, target.checks[probed.check], probed.endpoint));
  fresh.back().id = at->second.probe;
}

void Backends::on_report(const shared::ProbeReport& report) {
  const auto& [target, probed] = probes_[static_cast<std::size_t>(report.id)];
  const HealthCheck& settings = target->checks[probed.check];
  Check& check = checks_.at(probed);
  HealthVerdict verdict = verdict_of(settings, report);
  check.reason = std::move(verdict.reason);
  if (target->told) keep_told(*target->told, settings, report, check);
  if (shared::log_enabled(shared::Level::debug)) {
    shared::log_event(shared::Level::debug, "check",
                      {{"pool", target->pool},
                       {"server", target->server},
                       {"address", probed.endpoint.to_string()},
                       {"status", report.status},
                       {"reason", check.reason}});
  }
  if (!check.machine.observe(verdict.outcome, settings.settings())) return;
  const shared::HealthState state = check.machine.state();
  const std::string event = "server_" + std::string(to_string(state));
  shared::log_event(state == shared::HealthState::up ? shared::Level::info : shared::Level::warn, event,
                    {{"pool", target->pool},
                     {"server", target->server},
                     {"address", probed.endpoint.to_string()},
                     {"check", settings.name.empty() ? settings.path : settings.name},
                     {"reason", check.reason}});
  store_health(*target);
  if (all_->of(target->id).size() > 1 && !std::ranges::equal(answering(target->id), addresses_->of(target->id))) {
    changed_.insert(target->id);
    together_.trigger();
  }
}

// A server that calls itself ill for its CPU says all the same how busy it is.
void Backends::keep_told(const NumberRule& rule, const HealthCheck& settings, const shared::ProbeReport& report,
                         Check& check) {
  if (report.body.empty()) return;
  const auto number =
      number_told({.status = report.status, .body = report.body, .complete = report.body_complete}, rule);
  if (!number) return;
  check.told = *number;
  check.told_until = shared::Clock::now() + kToldRounds * settings.interval + settings.timeout;
}

std::optional<double> Backends::told(ServerId server, shared::TimePoint now) const {
  for (auto it = checks_.lower_bound({server, shared::Endpoint(), 0}); it != checks_.end(); ++it) {
    if (it->first.server != server) break;
    if (now < it->second.told_until) return it->second.told;
  }
  return std::nullopt;
}

// As well as the worst of its checks says; unknown, too, while one that could be worse is still out.
shared::HealthState Backends::health_at(ServerId server, const shared::Endpoint& endpoint) const {
  using shared::HealthState;
  auto worst = HealthState::up;
  bool unknown = true;
  auto it = checks_.lower_bound({server, endpoint, 0});
  if (it != checks_.end() && it->first.server == server && it->first.endpoint == endpoint) unknown = false;
  for (; it != checks_.end() && it->first.server == server && it->first.endpoint == endpoint; ++it) {
    const HealthState one = it->second.machine.state();
    unknown = unknown || one == HealthState::unknown;
    worst = std::max(worst, one);  // up < degraded < down
  }
  return unknown && worst != HealthState::down ? HealthState::unknown : worst;
}

// A server of several addresses is as well as the best of them.
shared::HealthState Backends::health_of(const HealthTarget& target) const {
  using shared::HealthState;
  auto best = HealthState::unknown;
  bool any_unknown = false;
  for (const shared::Endpoint& endpoint : all_->of(target.id)) {
    const HealthState one = health_at(target.id, endpoint);
    any_unknown = any_unknown || one == HealthState::unknown;
    if (one != HealthState::unknown && (best == HealthState::unknown || one < best)) best = one;
  }
  return best == HealthState::down && any_unknown ? HealthState::unknown : best;
}

void Backends::store_health(const HealthTarget& target) {
  using shared::HealthState;
  const HealthState state = health_of(target);
  ServerState& known = live_.server(target.id).state;
  // A server that comes up for the first time is as warm as the others.
  const bool answers = state == HealthState::up || state == HealthState::degraded;
  if (answers && known.health() == HealthState::down) known.set_slow_start(shared::Clock::now());
  known.set_health(state, state == HealthState::degraded ? target.degraded_share : kFullShare);
}

std::string_view Backends::reason(ServerId server) const {
  for (auto it = checks_.lower_bound({server, shared::Endpoint(), 0}); it != checks_.end(); ++it) {
    if (it->first.server != server) break;
    if (!it->second.reason.empty()) return it->second.reason;
  }
  return {};
}

}  // namespace edge
