#include "edge/serve/control/control.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <utility>

#include <unistd.h>

#include "edge/core/decide/decide_connection.h"
#include "edge/core/pool/slow_start.h"
#include "edge/core/snapshot/descriptor_plan.h"
#include "edge/serve/control/report.h"
#include "shared/core/hash.h"
#include "shared/load/restart.h"
#include "shared/serve/admin/admin_params.h"
#include "shared/serve/admin/metrics.h"
#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/last_good.h"

namespace edge {
namespace {

using shared::AdminMethod;
using shared::AdminRequest;
using shared::AdminResponse;
using shared::Level;
using shared::log_event;

const std::string kScaled = "scaled ";  // begins a line of what a successor is told
constexpr auto kReopenPatience = shared::seconds(2);
constexpr auto kLastAnswers = shared::seconds(1);  // of a stop: for clients that speak again and again

// While it drains, the edge still serves, and says so for as long as the slowest DNS node needs to hear it: a probe may
// have just been answered, and the next one may be late by its timeout.
shared::Duration announce_time(const World& world) {
  const auto& probe = world.common.health.edge;
  return 2 * probe.interval + probe.timeout;
}

// Behind it the grace begins.
shared::Duration last_answers(const World& world) {
  return std::min<shared::Duration>(kLastAnswers, world.config.drain_grace);
}

std::vector<shared::Endpoint> resolvers_of(const World& world) {
  std::vector<shared::Endpoint> resolvers;
  for (const auto& one : world.config.resolvers) resolvers.push_back(one.value);
  return resolvers;
}

Listener listener_of(const ListenPlan& planned) {
  Listener listener;
  listener.protocol = planned.protocol == Protocol::tcp ? Listener::Protocol::tcp : Listener::Protocol::http;
  listener.introductions = planned.introductions;
  listener.index = planned.index;
  listener.https_port = planned.https_port;
  return listener;
}

// Descriptors of the sessions of UDP, which come on top of connections; they do not crowd these out.
std::size_t sessions_of(const World& world, std::size_t workers, std::uint64_t limit) {
  std::size_t sessions = 0;
  for (const ListenConfig& listen : world.config.listen) {
    if (listen.protocol == Protocol::udp) sessions += listen.max_sessions * workers;
  }
  return std::min<std::size_t>(sessions, limit / 4);
}

DescriptorPlan plan_for(const World& world, std::size_t workers) {
  const std::size_t wanted = world.config.client.max_connections;
  const std::uint64_t limit = shared::raise_descriptor_limit();
  const DescriptorPlan plan =
      plan_descriptors({.limit = limit,
                        .connections = wanted,
                        .reserved = Admission::kReserved + Admission::kPassing + sessions_of(world, workers, limit),
                        .workers = workers,
                        .pipes_per_worker = PipePool::kOpen});
  if (plan.connections < wanted) {
    log_event(Level::warn, "connections_limited",
              {{"max_connections", wanted}, {"possible", plan.connections}, {"descriptors", limit}});
  }
  return plan;
}

}  // namespace

Control::Control(shared::Supervisor& supervisor, WorldLoader& loader, World world, shared::Start start)
    : supervisor_(supervisor),
      loader_(loader),
      start_(start),
      service_(supervisor, loader.options().version, loader.options().config, hooks()),
      world_(std::make_shared<const World>(std::move(world))),
      rebuild_(supervisor.loop(), service_.builder(), [this] { return world_; }),
      certificates_(supervisor.loop()),
      certificate_look_(supervisor.loop()),
      rule_look_(supervisor.loop()),
      names_(supervisor.loop()),
      discovery_(supervisor.loop(), names_, [this] { rebuild_pools(); }),
      backends_(supervisor.loop(), loader.live(), names_, [this] { publish(); }),
      redis_(supervisor.loop(), names_),
      region_limits_(supervisor.loop(), redis_),
      spans_(supervisor.loop(), names_),
      sessions_(supervisor.loop(), {.up = [this] { return redis_.up(); },
                                    .ask = [this](const std::vector<std::string>& command,
                                                  RedisReply reply) { redis_.ask(command, std::move(reply)); }}),
      healing_(supervisor.loop(), loader.live()),
      scaling_(
          {.loop = supervisor.loop(),
           .live = loader.live(),
           .backends = backends_,
           .follower = names_,
           .write_file = [this](const std::string& name, std::string text) { keep_scale(name, std::move(text)); }}),
      word_end_(supervisor.loop()),
      drain_(supervisor.loop()) {
  redis_.on_ready([this] { sessions_.look_at_redis(); });
  redis_.on_lost([this] { sessions_.look_at_redis(); });
}

Control::~Control() {
  service_.close();
  for (const auto& worker : workers_) worker->stop();  // all of them before one is gone: they pass connections on
  workers_.clear();
  // What the workers have given back dies with the builder.
  service_.stop();
}

shared::Result<void> Control::start() {
  auto opened = open();
  if (!opened) service_.failed(opened.error().message);
  return opened;
}

shared::Result<void> Control::open() {
  service_.configured(world_->common);
  for (const auto step : {&Control::use_resolvers, &Control::claim_inheritance, &Control::open_access_log,
                          &Control::start_workers, &Control::start_admin}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  supervisor_.on_reload([this] { reload({}); });
  supervisor_.on_reopen([this] { reopen_logs({}); });
  supervisor_.on_stop([this] { stop(); });
  begin_to_serve();
  return {};
}

shared::Result<void> Control::use_resolvers() {
  shared::ResolverSettings settings;
  settings.servers = resolvers_of(*world_);
  return names_.use(std::move(settings));
}

shared::Result<void> Control::claim_inheritance() {
  const auto path = shared::load::edge_state_directory(world_->common, world_->node);
  if (auto claimed = service_.claim(path.string(), start_); !claimed) return claimed;
  const std::string_view inherited = service_.inherited_state();
  const std::size_t line = std::min(inherited.find('\n'), inherited.size());
  const std::string_view found = inherited.substr(std::min(line + 1, inherited.size()));
  recall_words(inherited.substr(0, line));
  discovery_.set(world_->built.servers.sources);
  discovery_.recall(found);
  rebuild_at_start();
  backends_.set(world_->built);
  backends_.recall(found);
  publish();
  recall_scale(found);
  return {};
}

// A line with what an operator has said, one of what was scaled to, then what the DNS and the checks have found.
std::string Control::state_text() const {
  const auto scaled = scaling_.memory();
  return words_.to_json() + "\n" + (scaled ? kScaled + scaled->to_json() + "\n" : "") + discovery_.remember() +
         backends_.remember();
}

void Control::begin_to_serve() {
  caches_.start();
  for (const auto& worker : workers_) worker->start();
  look_at_certificates();
  look_at_rules();
  service_.serve({});
  scaling_.begin();
  keep_files();
}

// For `meridian rollback`: what serves, behind the back of who is served.
void Control::keep_files() {
  const shared::StateDirectory* const state = service_.state_directory();
  if (state == nullptr || service_.handed_over() || world_->files == nullptr) return;
  service_.state_writer().keep(
      [state, config = loader_.options().config, world = world_] {
        return shared::save_last_good(*state, config, *world->files, *world->contents);
      },
      [this](const shared::Result<void>& kept) {
        const std::string reason = kept ? "" : kept.error().message;
        if (std::exchange(files_problem_, reason) == reason) return;
        if (kept) return log_event(Level::info, "last_good_kept");
        log_event(Level::warn, "last_good_not_kept", {{"reason", reason}});
      });
}

shared::Service::Hooks Control::hooks() {
  shared::Service::Hooks hooks;
  hooks.heartbeats = [this] { return beats(); };
  hooks.state = [this] { return state_text(); };
  hooks.handed_over = [this] { handed_over(); };
  return hooks;
}

shared::Result<void> Control::open_access_log() {
  if (world_->config.access_log.empty()) return {};
  const std::size_t lanes = std::max<std::size_t>(world_->config.workers, shared::usable_cores().size());
  auto log = AccessLog::open(world_->config.access_log.string(), lanes);
  if (!log) return tl::unexpected(log.error());
  access_log_ = std::move(*log);
  return {};
}

shared::Result<void> Control::start_workers() {
  const std::vector<unsigned> cores = shared::usable_cores();
  const bool one_per_core = world_->config.workers == 0;
  const std::size_t count = one_per_core ? cores.size() : world_->config.workers;
  const DescriptorPlan plan = plan_for(*world_, count);
  const auto admission = std::make_shared<Admission>(plan.connections, count);
  make_caches();
  spans_.make_lanes(count);
  std::random_device random;
  for (std::size_t i = 0; i < count; ++i) {
    WorkerSettings settings;
    settings.name = "worker-" + std::to_string(i);
    if (one_per_core) settings.core = cores[i];
    settings.clients.admission = admission;
    settings.clients.index = i;
    settings.context.max_pipes = plan.pipes_per_worker;
    settings.context.caches = &caches_;
    settings.context.spans = &spans_.lane(i);
    settings.context.sessions = &sessions_;
    settings.clients.max_memory = world_->config.client.max_memory / count;
    settings.context.seed = shared::mix((std::uint64_t{random()} << 32) ^ random() ^ i);
    for (shared::SipKey& key : settings.context.id_keys)
      std::ranges::generate(key, [&] { return std::uint8_t(random()); });
    AccessLane* lane = access_log_ != nullptr ? &access_log_->lane(i) : nullptr;
    workers_.push_back(std::make_unique<Worker>(
        std::move(settings), loader_.live(), lane, snapshot_,
        [this](std::shared_ptr<const Snapshot> old) { service_.builder().dispose(std::move(old)); }));
    counted_.push_back(workers_.back().get());
  }
  if (auto certified = certificates_.set(world_->built); !certified) return certified;
  for (const ListenPlan& planned : world_->built.listen) {
    if (auto listens = listen(planned); !listens) return listens;
  }
  return {};
}

// On the sockets of a predecessor, if there is one: it may have had more workers, then some of ours read several.
shared::Result<void> Control::listen(const ListenPlan& planned) {
  const std::size_t count = workers_.size();
  const bool udp = planned.protocol == Protocol::udp;
  auto made = udp ? shared::bind_udp(planned.where, count, service_.inherited().take_udp(planned.where))
                  : shared::listen_tcp(planned.where, count, service_.inherited().take_tcp(planned.where));
  if (!made) return tl::unexpected(made.error());
  const shared::Endpoint bound = shared::local_endpoint(made->front().get());
  const auto listener = std::make_shared<Listener>(listener_of(planned));
  listener->make_layer = certificates_.layer_maker(planned.index);
  for (std::size_t i = 0; i < made->size(); ++i) {
    service_.listens_on(bound, (*made)[i].get());
    Worker& worker = *workers_[i % count];
    if (udp) {
      worker.add_datagrams(std::move((*made)[i]), planned.index);
    } else {
      worker.add_listener(std::move((*made)[i]), listener);
    }
  }
  return {};
}

shared::Result<void> Control::start_admin() {
  const shared::load::Config& config = world_->common;
  auto opened =
      service_.open_admin({.admin = config.admin.edge, .metrics = config.metrics.edge, .own = world_->node}, config);
  if (!opened) return opened;
  for (const auto& admin : service_.admins()) add_routes(*admin);
  return {};
}

void Control::add_routes(shared::Admin& admin) {
  admin.route(AdminMethod::get, "/metrics", [this](const AdminRequest&) {
    AdminResponse response = AdminResponse::text(200, metrics_text(source()));
    response.content_type = shared::MetricsWriter::kContentType;
    return response;
  });
  admin.route(AdminMethod::get, "/healthz", [this](const AdminRequest&) { return service_.healthz(); });
  admin.route(AdminMethod::get, "/status",
              [this](const AdminRequest&) { return AdminResponse::json(200, status_json(source())); });
  admin.route_deferred(
      AdminMethod::get, "/explain",
      [this](const AdminRequest& request, const shared::AdminReply& reply) { answer_explain(request, reply); });
  add_server_routes(admin);
  add_cache_routes(admin);
  admin.route_deferred(AdminMethod::post, "/logs/reopen",
                       [this](const AdminRequest&, const shared::AdminReply& reply) { answer_reopen(reply); });
  admin.route_deferred(
      AdminMethod::post, "/reload", [this](const AdminRequest& request, const shared::AdminReply& reply) {
        if (const auto known = shared::only_params(request, {}, "an edge reads its configuration as a whole"); !known) {
          return reply(AdminResponse::text(400, known.error().message + "\n"));
        }
        reload([reply](const shared::Result<std::uint64_t>& result) {
          if (!result) return reply(AdminResponse::text(422, result.error().message + "\n"));
          reply(AdminResponse::text(200, "reloaded: generation " + std::to_string(*result) + "\n"));
        });
      });
}

void Control::answer_reopen(const shared::AdminReply& reply) {
  if (access_log_ == nullptr) return reply(AdminResponse::text(200, "there is no access log: nothing to reopen\n"));
  reopen_logs([reply](const shared::Result<void>& reopened) {
    if (!reopened) return reply(AdminResponse::text(500, reopened.error().message + "\n"));
    reply(AdminResponse::text(200, "reopened\n"));
  });
  // The first answer counts: the log's thread may be held by its file.
  auto patience = std::make_shared<shared::Timer>(supervisor_.loop());
  patience->expires_after(kReopenPatience);
  patience->async_wait([reply, patience](shared::error_code) {
    reply(AdminResponse::text(503, "not yet: the access log's file does not answer; it is reopened when it does\n"));
  });
}

std::vector<std::uint64_t> Control::beats() const {
  std::vector<std::uint64_t> counts;
  for (const auto& worker : workers_) counts.push_back(worker->heartbeats());
  return counts;
}

ReportSource Control::source() const {
  return {.snapshot = *snapshot_,
          .live = loader_.live(),
          .workers = counted_,
          .backends = &backends_,
          .discovery = &discovery_,
          .words = &words_,
          .caches = &caches_,
          .scaling = &scaling_,
          .redis = &redis_,
          .region_limits = &region_limits_,
          .spans = &spans_,
          .sessions = &sessions_,
          .built = &world_->built,
          .access_log_dropped = access_log_ != nullptr ? access_log_->dropped() : 0,
          .process = service_.facts()};
}

// The next snapshot from the present world and addresses, to every worker.
void Control::publish() {
  auto next = std::make_shared<Snapshot>(world_->built.snapshot(++generation_));
  log_event(Level::debug, "published", {{"generation", generation_}});
  next->addresses = backends_.addresses();
  if (snapshot_ != nullptr && snapshot_->pools != next->pools)
    start_slowly(*snapshot_->pools, *next->pools, loader_.live(), shared::Clock::now());
  words_.apply(*next->pools, loader_.live());
  std::shared_ptr<const Snapshot> old = std::exchange(snapshot_, std::move(next));
  for (const auto& worker : workers_) worker->publish(snapshot_);
  healing_.set(snapshot_);
  scaling_.set(*world_, snapshot_);
  const Identity& own = snapshot_->settings->identity;
  tell_spans();
  redis_.set(world_->built.redis);
  region_limits_.set(*snapshot_->limits, {.region = own.region, .edge = own.node});
  const RedisSettings* const redis = redis_.settings();
  sessions_.set(*snapshot_->pools, redis == nullptr ? std::string() : redis->prefix + ":session:" + own.region);
  if (old != nullptr) service_.builder().dispose(std::move(old));
}

// To the collector of the present world, if there is one.
void Control::tell_spans() {
  const Identity& own = snapshot_->settings->identity;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {};
  const SpanAttributes edge{{"service.namespace", own.service},
                            {"service.instance.id", own.node},
                            {"host.name", host.data()},
                            {"meridian.region", own.region},
                            {"meridian.edge", own.node}};
  spans_.set(world_->built.otlp, edge, loader_.options().version);
}

// For who starts servers himself, and for the next start.
void Control::keep_scale(const std::string& name, std::string text) {
  service_.state_writer().write(name, [text = std::move(text)] { return text; });
}

// A predecessor's word is what is; that of a file is as old as it says.
void Control::recall_scale(std::string_view found) {
  const auto use = [this](std::string_view text, Autoscaler::Recall how) {
    const auto memory = ScaleMemory::parse(text);
    if (!memory) return log_event(Level::warn, "state_not_kept", {{"reason", memory.error().message}});
    const auto now = std::chrono::duration_cast<shared::seconds>(std::chrono::system_clock::now().time_since_epoch());
    if (memory->fresh(now.count())) scaling_.recall(*memory, how);
  };
  if (const std::size_t at = found.find(kScaled); at == 0 || (at < found.size() && found[at - 1] == '\n')) {
    const std::string_view line = found.substr(at + kScaled.size());
    return use(line.substr(0, line.find('\n')), Autoscaler::Recall::exact);
  }
  const shared::StateDirectory* const state = service_.state_directory();
  if (state == nullptr || !service_.inherited_state().empty()) return;
  if (const auto kept = state->read(Scaling::kMemoryFile); kept && *kept) use(**kept, Autoscaler::Recall::at_least);
}

void Control::reload(ReloadDone done) {
  if (!service_.begin_reload()) {
    if (done) done(shared::fail("so many reloads wait already"));
    return;
  }
  shared::load::Diagnostics at_once;
  service_.refuse_in_upgrade(at_once);
  if (at_once.failed()) {
    service_.refused(at_once);
    if (done) done(shared::fail(at_once.render()));
    return;
  }
  shared::Rebuild<World>::Job job;
  job.build = [this, inputs = pool_inputs()](const World&, shared::load::Diagnostics& diagnostics) {
    return loader_.load(inputs, diagnostics);
  };
  job.permit = [this](const World& present, const World& next, shared::load::Diagnostics& diagnostics) {
    service_.refuse_in_upgrade(diagnostics);
    for (const std::string& option : needs_restart(present, next)) {
      diagnostics.error({}, shared::load::needs_restart(option));
    }
    refuse_expired(present.built, next.built, std::chrono::system_clock::now(), diagnostics);
  };
  job.note = [](const World*, const shared::load::Diagnostics& diagnostics) { shared::log_diagnostics(diagnostics); };
  job.adopt = [this, inputs = pool_inputs()](std::shared_ptr<const World> next) {
    adopt(std::move(next));
    if (inputs != pool_inputs()) rebuild_pools();  // it was built with what was known when it began
    keep_files();
  };
  job.done = [this, done = std::move(done)](shared::Rebuilt end, const shared::load::Diagnostics& diagnostics) {
    if (end == shared::Rebuilt::adopted) {
      service_.reloaded({{"generation", generation_}, {"config_hash", shared::config_hash_text(world_->common.hash)}});
      if (done) done(generation_);
    } else {
      service_.refused(diagnostics);
      if (done) done(shared::fail(diagnostics.render()));
    }
  };
  rebuild_.run(std::move(job));
}

void Control::adopt(std::shared_ptr<const World> world) {
  if (access_log_ != nullptr) reopen_logs({});
  const std::vector<shared::Endpoint> resolvers = resolvers_of(*world_);
  service_.builder().dispose(std::exchange(world_, std::move(world)));
  if (resolvers != resolvers_of(*world_)) {
    if (auto used = use_resolvers(); !used)
      log_event(Level::error, "resolvers_not_used", {{"reason", used.error().message}});
  }
  discovery_.set(world_->built.servers.sources);
  service_.configured(world_->common);
  backends_.set(world_->built);
  use_certificates();
  resize_caches();
  publish();
}

// After a rotation; whatever the configuration looks like. The log's thread answers when it can.
void Control::reopen_logs(AccessLog::Reopened done) {
  if (access_log_ == nullptr) {
    if (done) done({});
    return;
  }
  access_log_->reopen([done = std::move(done)](const shared::Result<void>& reopened) {
    if (reopened) log_event(Level::info, "logs_reopened");
    if (!reopened) log_event(Level::error, "logs_not_reopened", {{"reason", reopened.error().message}});
    if (done) done(reopened);
  });
}

void Control::stop() {
  if (service_.handed_over()) return finish_workers();
  loader_.live().draining = true;
  const shared::Duration announce = announce_time(*world_);
  supervisor_.set_stop_grace(announce + last_answers(*world_) + world_->config.drain_grace);
  log_event(Level::info, "drain_begun",
            {{"announce_ms", std::chrono::duration_cast<shared::milliseconds>(announce).count()}});
  drain_.expires_after(announce);
  drain_.async_wait([this](shared::error_code error) {
    if (!error) finish_workers();
  });
}

// The successor accepts on our sockets: nobody has to be told. Clients that keep a connection idle hear "Connection:
// close" with their next answer; the few that never speak again are closed after a while.
void Control::handed_over() {
  scaling_.end();
  caches_.let_go();
  const shared::Duration linger = std::min(world_->config.client.keep_alive_timeout, world_->config.drain_grace);
  supervisor_.set_stop_grace(linger + world_->config.drain_grace);
  hasten_after(linger);
}

void Control::hasten_after(shared::Duration linger) {
  drain_.expires_after(linger);
  drain_.async_wait([this](shared::error_code error) {
    for (const auto& worker : workers_) {
      if (!error) worker->hasten();
    }
  });
}

void Control::finish_workers() {
  log_event(Level::info, "closing");
  workers_busy_ = workers_.size();
  const Heir heir = service_.handed_over() ? Heir::accepts : Heir::none;
  for (const auto& worker : workers_) {
    const auto done = [this] {
      supervisor_.post([this] {
        if (--workers_busy_ == 0) spans_.finish([this] { supervisor_.finish(0); });
      });
    };
    worker->wind_down(done, heir);
  }
  // A client whose next request is under way would find its connection closed: it hears "Connection: close" instead.
  if (heir == Heir::none) hasten_after(last_answers(*world_));
}

}  // namespace edge
