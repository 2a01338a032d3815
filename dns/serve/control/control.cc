#include "dns/serve/control/control.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "dns/serve/control/admin_routes.h"
#include "dns/serve/worker/listeners.h"
#include "shared/load/restart.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"

namespace dns {

using shared::Clock;
using shared::fail;
using shared::Level;
using shared::log_event;
using shared::Result;

namespace {

constexpr auto kStopGrace = shared::seconds(5);

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

CookieSecrets random_cookie_secret() {
  std::random_device device;
  CookieSecrets secrets;
  secrets.count = 1;
  for (auto& octet : secrets.keys.front()) octet = static_cast<std::uint8_t>(device());
  return secrets;
}

}  // namespace

Result<std::unique_ptr<Control>> Control::start(shared::Supervisor& supervisor, ControlSettings settings, World world) {
  std::unique_ptr<Control> control(new Control(supervisor, std::move(settings), std::move(world)));
  if (const auto opened = control->open(); !opened) {
    control->service_.failed(opened.error().message);
    return fail(opened.error().message);
  }
  return control;
}

Control::Control(shared::Supervisor& supervisor, ControlSettings settings, World world)
    : supervisor_(supervisor),
      settings_(std::move(settings)),
      service_(supervisor, settings_.version, settings_.config_path, hooks()),
      world_(std::make_shared<const World>(std::move(world))),
      rebuild_(supervisor.loop(), service_.builder(), [this] { return world_; }),
      names_(supervisor.loop()),
      over_tls_(supervisor.loop(), service_.builder()),
      cells_(std::make_shared<ResponseCells>(random_seed())),
      own_cookie_secret_(random_cookie_secret()),
      start_report_(settings_.report) {
  if (start_report_.geo && start_report_.geo_waiting) geo_.recall(*start_report_.geo, *start_report_.geo_waiting);
}

Control::~Control() {
  service_.close();
  workers_.clear();
  service_.stop();
  if (steering_) steering_->save();
}

Result<void> Control::open() {
  service_.configured(world_->common);
  descriptors_ = shared::raise_descriptor_limit();
  supervisor_.set_stop_grace(kStopGrace);
  supervisor_.on_reload([this] { reload(Reload::everything, [](const ReloadOutcome&) {}); });
  supervisor_.on_reopen([] { log_event(Level::info, "logs_reopened", {{"files", 0}}); });  // standard error alone
  supervisor_.on_stop([this] { drain(); });
  const auto state = shared::load::dns_state_directory(world_->common);
  if (const auto done = service_.claim(state.string(), settings_.start); !done) return done;
  const std::size_t cores = std::max<std::size_t>(shared::usable_cores().size(), 1);
  auto sockets = bind(world_->config.workers.value_or(static_cast<std::uint16_t>(cores)));
  if (!sockets) return fail(sockets.error().message);
  if (const auto done = open_steering(); !done) return done;
  use_certificates();
  make_workers(std::move(*sockets));
  if (const auto most = most_tcp_connections(); most < world_->config.tcp.max_connections) {
    log_event(Level::warn, "tcp_connections_limited",
              {{"descriptors", std::to_string(descriptors_)},
               {"configured", std::to_string(world_->config.tcp.max_connections)},
               {"connections", std::to_string(most)}});
  }
  if (const auto done = open_admin(); !done) return done;
  geo_.last = std::chrono::system_clock::now();
  watch_geo();
  if (ready_) begin_to_serve();
  return {};
}

// A predecessor may have had more workers: then some of ours read several of its sockets, and none is closed.
Result<std::vector<Control::Sockets>> Control::bind(std::size_t workers) {
  std::vector<Sockets> sockets(workers);
  for (const auto& listen : world_->config.listen) {
    auto made = listen_on(listen.value, workers, service_.inherited());
    if (!made) return fail(made.error().message);
    for (const auto* list : {&made->udp, &made->tcp}) {
      for (const auto& fd : *list) service_.listens_on(made->endpoint, fd.get());
    }
    for (std::size_t i = 0; i < made->udp.size(); ++i) sockets[i % workers].udp.push_back(std::move(made->udp[i]));
    for (std::size_t i = 0; i < made->tcp.size(); ++i) sockets[i % workers].tcp.push_back(std::move(made->tcp[i]));
  }
  if (const auto bound = bind_tls(sockets); !bound) return fail(bound.error().message);
  return sockets;
}

Result<void> Control::bind_tls(std::vector<Sockets>& sockets) {
  if (!world_->config.tls) return {};
  for (const auto& listen : world_->config.tls->listen) {
    auto made = shared::listen_tcp(listen.value, sockets.size(), service_.inherited().take_tcp(listen.value));
    if (!made) return fail(made.error().message);
    const shared::Endpoint real = shared::local_endpoint(made->front().get());
    for (std::size_t i = 0; i < made->size(); ++i) {
      service_.listens_on(real, (*made)[i].get());
      sockets[i % sockets.size()].tls.push_back(std::move((*made)[i]));
    }
  }
  return {};
}

void Control::use_certificates() {
  if (world_->config.tls) over_tls_.set(*world_->config.tls, {world_->tls_hosts, world_->ticket_keys});
}

Result<void> Control::open_steering() {
  SteeringControl::Hooks hooks;
  hooks.publish = [this](const std::shared_ptr<const AnswerSets>&) { publish(); };
  hooks.ready = [this] {
    ready_ = true;
    if (!workers_.empty()) begin_to_serve();
  };
  const auto* state = service_.state_directory();
  steering_ = std::make_unique<SteeringControl>(supervisor_.loop(), service_.builder(), service_.state_writer(), state,
                                                std::move(hooks));
  aliases_ = std::make_unique<AliasControl>(
      supervisor_.loop(), names_, service_.state_writer(), state,
      [this](const std::vector<AliasChange>& changes) { steering_->update_aliases(changes); });
  steering_->set_aliases(adopt_aliases());
  steering_->trust(world_->probe_tls);
  return steering_->start(world_->policies, world_->common);
}

// A resolver that does not start is no reason not to serve: the names that it should look up stay as they are known.
AliasView Control::adopt_aliases() {
  shared::ResolverSettings settings;
  for (const auto& server : world_->config.resolvers) settings.servers.push_back(server.value);
  if (!world_->policies->aliases().empty() && resolvers_ != settings.servers) {
    resolvers_ = settings.servers;
    if (const auto used = names_.use(settings); !used) {
      log_event(Level::error, "resolvers_not_used", {{"reason", used.error().message}});
    }
  }
  return aliases_->adopt(*world_->policies);
}

void Control::make_workers(std::vector<Sockets> sockets) {
  const auto cores = shared::usable_cores();
  steering_counts_.resize(sockets.size());
  make_steering_counts();
  publish();
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    WorkerSetup setup;
    setup.name = std::to_string(i);
    if (sockets.size() == cores.size()) setup.core = cores[i];
    setup.udp = std::move(sockets[i].udp);
    setup.tcp = std::move(sockets[i].tcp);
    setup.tls = std::move(sockets[i].tls);
    setup.make_tls = over_tls_.maker();
    setup.tcp_settings = tcp_settings();
    setup.first = publication_of(i);
    setup.seed = random_seed();
    setup.cells = cells_;
    workers_.push_back(std::make_unique<Worker>(std::move(setup)));
  }
}

Result<void> Control::open_admin() {
  const shared::load::Config& config = world_->common;
  auto opened = service_.open_admin({.admin = config.admin.dns, .metrics = config.metrics.dns, .own = {}}, config);
  if (!opened) return opened;
  for (const auto& admin : service_.admins()) add_routes(*admin, *this);
  return {};
}

shared::Service::Hooks Control::hooks() {
  shared::Service::Hooks hooks;
  hooks.heartbeats = [this] { return beats(); };
  hooks.state = [this] {
    steering_->save();
    return std::string();
  };
  hooks.handed_over = [this] { handed_over(); };
  hooks.predecessor_ended = [this] { steering_->save_later(); };
  return hooks;
}

void Control::begin_to_serve() {
  if (serving_ || supervisor_.stopping()) return;
  serving_ = true;
  for (auto& worker : workers_) worker->start();
  service_.serve({{"zones", world_->zones->zones().size()}});
  keep();
}

// Not on the way to an answer, nor to the start: it costs what has changed.
void Control::keep() {
  const auto* state = service_.state_directory();
  if (state == nullptr || service_.handed_over()) return;  // a successor keeps it
  Keepsake what{world_, settings_.config_path, start_report_.all_is_well(), geo_.waiting};
  auto done = [this, files = what.files](const Result<void>& result) {
    if (result && !files) return;
    if (result) kept_.last = std::chrono::system_clock::now();
    const std::string reason = result ? "" : result.error().message;
    if (std::exchange(kept_.error, reason) == reason) return;
    if (result) return log_event(Level::info, "last_good_kept");
    log_event(Level::warn, "last_good_not_kept", {{"reason", reason}});
  };
  service_.state_writer().keep([state, what = std::move(what)] { return dns::keep(*state, what); }, std::move(done));
}

// The successor reads our sockets: what is queued on them is its business now. Clients of kept TCP connections need not
// notice; those that fall silent are closed as ever.
void Control::handed_over() {
  steering_->stop_saving();
  aliases_->stop_saving();
  const auto linger = world_->config.tcp.idle_timeout;
  supervisor_.set_stop_grace(linger + kStopGrace);
  linger_.emplace(supervisor_.loop());
  linger_->expires_after(linger);
  linger_->async_wait([this](shared::error_code error) {
    for (auto& worker : workers_) {
      if (!error) worker->hasten();
    }
  });
}

// One Snapshot of what is true now, to every worker.
void Control::publish() {
  Snapshot next = make_snapshot(*world_, steering_->answers());
  if (next.cookies.count == 0 && world_->config.cookies.enabled) next.cookies = own_cookie_secret_;
  next.generation = ++generation_;
  log_event(Level::debug, "published", {{"generation", generation_}});
  service_.builder().dispose(std::exchange(snapshot_, std::make_shared<const Snapshot>(std::move(next))));
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->set(tcp_settings());
    take_back(i, workers_[i]->publish(publication_of(i)));
  }
}

Publication Control::publication_of(std::size_t worker) const { return {snapshot_, steering_counts_[worker]}; }

// What is configured, or what there are descriptors for.
std::uint32_t Control::most_tcp_connections() const {
  if (descriptors_ == 0) return world_->config.tcp.max_connections;  // the system does not say
  OwnDescriptors own{service_.listeners(), steering_counts_.size(), 0};
  for (const Region& region : world_->policies->spec().regions) own.probed += region.edges.size();
  return std::min(world_->config.tcp.max_connections, most_connections(descriptors_, own));
}

TcpSettings Control::tcp_settings() const {
  const std::size_t workers = std::max<std::size_t>(steering_counts_.size(), 1);
  const TcpConfig& tcp = world_->config.tcp;
  const auto share = [workers](std::uint32_t all) {
    return static_cast<std::uint32_t>(std::max<std::size_t>(all / workers, 1));
  };
  return {tcp.idle_timeout, share(most_tcp_connections()), share(tcp.max_per_client)};
}

void Control::make_steering_counts() {
  const auto& spec = world_->policies->spec();
  for (auto& counts : steering_counts_) {
    counts = std::make_shared<SteeringCounts>(spec.names.size(), spec.regions.size());
  }
}

// A publication that no worker reads any more. Its counts are kept by name, its memory goes to the Builder.
void Control::take_back(std::size_t worker, Publication old) {
  if (old.steering != steering_counts_[worker]) {
    add_counts(old, steered_before_);
    keep_given(old);
  }
  service_.builder().dispose(std::move(old.snapshot));
}

void Control::add_counts(const Publication& from, Steered& to) {
  const auto& spec = from.snapshot->policies->spec();
  for (std::size_t n = 0; n < spec.names.size(); ++n) {
    if (spec.names[n].alias) continue;  // no region is chosen
    for (std::size_t r = 0; r < spec.regions.size(); ++r) {
      const PolicyNameId name{static_cast<std::uint32_t>(n)};
      const RegionId region{static_cast<std::uint16_t>(r)};
      to[{spec.names[n].name, spec.regions[r].name}] += from.steering->read(name, region);
    }
  }
}

Control::Steered Control::steered() const {
  Steered sum = steered_before_;
  for (std::size_t i = 0; i < workers_.size(); ++i) add_counts(publication_of(i), sum);
  return sum;
}

void Control::reload(Reload what, Reloaded done, Geo geo) {
  if (!service_.begin_reload()) return done({false, "refused: so many reloads wait already\n"});
  shared::load::Diagnostics at_once;
  service_.refuse_in_upgrade(at_once);
  if (at_once.failed()) {
    service_.refused(at_once);
    return done({false, at_once.render()});
  }
  build_reload(what, std::move(done), geo);
}

void Control::build_reload(Reload what, Reloaded done, Geo geo) {
  Job job;
  job.build = [what, path = settings_.config_path, node = settings_.node](const World& before,
                                                                          shared::load::Diagnostics& diagnostics) {
    if (what == Reload::overrides) return with_new_overrides(before, diagnostics);
    LoadOptions options{.before = &before};
    options.node = node;
    options.is_kept =
        before.files == nullptr ? [](const auto&) { return false; } : shared::load::contents_of(*before.files);
    return load_world(path, diagnostics, options);
  };
  if (what == Reload::overrides) {  // all else in it is of the world that it was built over
    job.holds = [this](const std::shared_ptr<const World>& before) { return before == world_; };
  }
  job.permit = [this](const World& present, const World& next, shared::load::Diagnostics& diagnostics) {
    service_.refuse_in_upgrade(diagnostics);
    for (const auto& [option, at] : needs_restart(present, next)) {
      diagnostics.error(at, shared::load::needs_restart(option));
    }
  };
  job.adopt = [this, what](std::shared_ptr<const World> next) {
    if (what == Reload::everything) start_report_ = StartReport{};
    adopt(std::move(next));
  };
  job.done = [this, what, geo, done = std::move(done)](shared::Rebuilt end,
                                                       const shared::load::Diagnostics& diagnostics) {
    if (end == shared::Rebuilt::outdated) return build_reload(what, done, geo);
    ReloadOutcome outcome{end == shared::Rebuilt::adopted, diagnostics.render()};
    if (outcome.done) {
      service_.reloaded({{"generation", generation_},
                         {"config_hash", shared::config_hash_text(world_->common.hash)},
                         {"zones", world_->zones->zones().size()}});
      outcome.text += "reloaded: generation " + std::to_string(generation_) + "\n";
    } else {
      service_.refused(diagnostics);
      outcome.text += "refused: the configuration before goes on\n";
    }
    done(outcome);
  };
  job.pace = shared::Pace::background;
  add_guard(job, geo);
  job.note = [note = std::move(job.note)](const World* next, const shared::load::Diagnostics& diagnostics) {
    shared::log_diagnostics(diagnostics);
    note(next, diagnostics);
  };
  rebuild_.run(std::move(job));
}

void Control::adopt(std::shared_ptr<const World> next) {
  service_.builder().dispose(std::exchange(world_, std::move(next)));
  make_steering_counts();
  steering_->set_aliases(adopt_aliases());
  steering_->trust(world_->probe_tls);
  steering_->reload(world_->policies, world_->common);
  use_certificates();
  publish();
  service_.configured(world_->common);
  watch_geo();
  keep();
}

void Control::drain() {
  if (!serving_) return supervisor_.finish();
  for (auto& worker : workers_) {
    worker->drain([this] { supervisor_.post([this] { worker_drained(); }); });
    if (!linger_) worker->hasten();
  }
}

void Control::worker_drained() {
  if (++drained_ < workers_.size()) return;
  log_event(Level::info, "stopped");
  supervisor_.finish();
}

std::vector<std::uint64_t> Control::beats() const {
  std::vector<std::uint64_t> counts;
  for (const auto& worker : workers_) counts.push_back(worker->heartbeats());
  return counts;
}

}  // namespace dns
