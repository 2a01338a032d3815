#include "shared/serve/process/service.h"

#include <chrono>
#include <span>
#include <utility>

#include "shared/serve/process/notify.h"

namespace shared {
namespace {

constexpr auto kHangsAfter = seconds(5);

}  // namespace

Service::Service(Supervisor& supervisor, std::string version, std::string config, Hooks hooks)
    : supervisor_(supervisor), hooks_(std::move(hooks)) {
  facts_.version = std::move(version);
  facts_.config = std::move(config);
  facts_.started = std::chrono::system_clock::now();
}

Result<void> Service::claim(const std::string& state_directory, Start start) {
  auto claimed = Inheritance::claim(state_directory, start);
  if (!claimed) return tl::unexpected(claimed.error());
  inheritance_.emplace(std::move(*claimed));
  state_writer_.emplace(loop(), inheritance_->state_directory());
  return {};
}

Result<void> Service::open_admin(const AdminListeners& listeners, const load::Config& config) {
  auto ports = open_admin_ports(loop(), *inheritance_, listeners);
  if (!ports) return tl::unexpected(ports.error());
  admins_ = std::move(*ports);
  apply_access(admins_, config);
  for (const auto& admin : admins_) {
    admin->route(AdminMethod::get, "/building", [this](const AdminRequest&) {
      return AdminResponse::text(200, reloading() ? "building\n" : "idle\n");
    });
  }
  return {};
}

void Service::listens_on(const Endpoint& where, int descriptor) {
  if (listening_.empty() || listening_.back() != where) listening_.push_back(where);
  descriptors_.push_back(descriptor);
}

void Service::serve(std::initializer_list<LogField> more) {
  std::string where;
  for (const Endpoint& endpoint : listening_) where += (where.empty() ? "" : " ") + endpoint.to_string();
  std::vector<LogField> fields{{"listen", where},
                               {"workers", hooks_.heartbeats().size()},
                               {"version", facts_.version},
                               {"config_hash", config_hash_text(facts_.config_hash)}};
  fields.insert(fields.end(), more.begin(), more.end());
  log_event(Level::info, "started", std::span<const LogField>(fields));
  inheritance_->serving(loop(), [this] {
    log_event(Level::info, "predecessor_ended");
    hooks_.predecessor_ended();
  });
  open_upgrade_port();
  notify_ready();
  notify_store(sockets());
  watchdog_.emplace(loop(), hooks_.heartbeats);
}

void Service::failed(std::string_view reason) {
  if (inheritance_) inheritance_->failed(reason);
}

void Service::close() {
  admins_.clear();
  upgrade_port_.reset();
  watchdog_.reset();
}

void Service::stop() {
  builder_.stop();
  state_writer_.reset();
}

ProcessFacts Service::facts() const {
  ProcessFacts facts = facts_;
  if (state_writer_) facts.state_problem = state_writer_->problem();
  return facts;
}

void Service::open_upgrade_port() {
  const StateDirectory* state = state_directory();
  if (state == nullptr) return;
  UpgradePort::Hooks hooks;
  hooks.offer = [this]() -> std::optional<UpgradePort::Offer> {
    if (supervisor_.stopping()) return std::nullopt;
    return UpgradePort::Offer{sockets(), hooks_.state()};
  };
  hooks.taken_over = [this] {
    handed_over_ = true;
    state_writer_->handed_over();
    for (const auto& admin : admins_) admin->hand_over();
    hooks_.handed_over();
    supervisor_.handed_over();
  };
  auto port = UpgradePort::open(loop(), *state, std::move(hooks));
  if (!port) return log_event(Level::warn, "no_upgrades", {{"reason", port.error().message}});
  upgrade_port_ = std::move(*port);
}

std::vector<int> Service::sockets() const {
  std::vector<int> all = descriptors_;
  for (const auto& admin : admins_) all.push_back(admin->descriptor());
  return all;
}

void Service::configured(const load::Config& config) {
  if (const auto level = parse_level(to_string(config.log.level))) set_log_level(*level);
  apply_access(admins_, config);
  facts_.config_hash = config.hash;
  facts_.configured = std::chrono::system_clock::now();
}

bool Service::begin_reload() {
  if (reloads_waiting_ >= kMostReloads) {
    ++facts_.reloads_refused;
    notify_ready();
    return false;
  }
  ++reloads_waiting_;
  return true;
}

void Service::taken(std::initializer_list<LogField> facts) {
  ++facts_.reloads_done;
  log_event(Level::info, "reloaded", facts);
}

void Service::reloaded(std::initializer_list<LogField> facts) {
  --reloads_waiting_;
  taken(facts);
  notify_ready();
}

void Service::refused(const load::Diagnostics& diagnostics) {
  --reloads_waiting_;
  ++facts_.reloads_refused;
  log_refusal(diagnostics);
  notify_ready();
}

void Service::refuse_in_upgrade(load::Diagnostics& diagnostics) const {
  if (upgrading()) diagnostics.error({}, "an upgrade is under way: reload when the new process serves");
}

AdminResponse Service::healthz() {
  const auto hangs = heartbeats_.stuck(hooks_.heartbeats(), Clock::now(), kHangsAfter);
  if (hangs) return AdminResponse::text(503, "worker " + std::to_string(*hangs) + " hangs\n");
  return AdminResponse::text(200, "ok\n");
}

}  // namespace shared
