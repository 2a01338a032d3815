#include "dns/load/world/world.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "dns/load/config/cname_names.h"
#include "dns/load/config/cookie_file.h"
#include "dns/load/config/unused.h"
#include "shared/load/restart.h"

namespace dns {

using shared::load::Diagnostic;
using shared::load::Diagnostics;
using shared::load::Severity;

namespace {

void add(const Diagnostics& from, Diagnostics& to) {
  for (const auto& problem : from.list()) {
    if (problem.severity == Severity::error) {
      to.error(problem.at, problem.message);
    } else {
      to.warning(problem.at, problem.message);
    }
  }
}

// From the databases that the world has.
void make_policies(World& world, const shared::load::Config& common, PolicyInput input, Diagnostics& diagnostics) {
  const shared::TimePoint began = shared::Clock::now();
  input.data = {world.geo->database, world.systems};
  Diagnostics found;
  world.policies = build_policies(world.config.steering(), common, input, found);
  world.policy_warnings.clear();
  for (const auto& problem : found.list()) {
    if (problem.severity == Severity::warning) world.policy_warnings.insert(problem.message);
  }
  add(found, diagnostics);
  world.policies_took = shared::Clock::now() - began;
}

// What a row names that was good before is no mistake of the row when a new database has it no more.
PolicyInput input_after(const World& before) {
  PolicyInput input;
  input.accepted = places_in(before.policies->spec());
  return input;
}

void keep_errors(const Diagnostics& from, std::vector<Diagnostic>& to) {
  for (const auto& problem : from.list()) {
    if (problem.severity == Severity::error) to.push_back(problem);
  }
}

// The parts of a world, one after the other; at a start with care for what is broken.
class WorldBuilder {
 public:
  WorldBuilder(const LoadOptions& options, Diagnostics& diagnostics) : options_(options), diagnostics_(diagnostics) {}

  // Goes on after errors as far as it makes sense, so that a person sees all of them.
  std::optional<World> build(shared::load::Config common) {
    world_.config = read_config(common, diagnostics_);
    if (!common.dns) return std::nullopt;
    StartCare* const care = options_.care;
    world_.zones = load_zones(world_.config, options_.files, care == nullptr ? nullptr : &care->zones, diagnostics_);
    if (!diagnostics_.failed()) warn_of_unused(world_.config, common, diagnostics_);
    steer(common);
    if (world_.zones != nullptr && world_.policies != nullptr) {
      check_cname_names(*world_.zones, *world_.policies, world_.config, diagnostics_);
    }
    load_cookies();
    load_tls();
    load_probe_tls();
    if (diagnostics_.failed()) return std::nullopt;
    world_.common = std::move(common);
    return std::move(world_);
  }

 private:
  void steer(const shared::load::Config& common) {
    const GeoConfig& geo = world_.config.geo;
    load_databases(geo);
    if (world_.geo == nullptr || (world_.systems == nullptr && !geo.asn.empty())) return;
    Diagnostics found;
    const PolicyInput input = policy_input();
    make_policies(world_, common, input, found);
    if (found.failed() && options_.care != nullptr && !world_.geo->from_copy && steer_as_before(common, input)) {
      return keep_errors(found, options_.care->problems);
    }
    add(found, diagnostics_);
  }

  // Over the databases that were accepted last. False: they are of no help.
  bool steer_as_before(const shared::load::Config& common, const PolicyInput& input) {
    auto geo = options_.care->last_geo ? options_.care->last_geo(world_.config.geo) : nullptr;
    if (geo == nullptr) return false;
    World before = world_;
    before.geo = std::move(geo);
    Diagnostics found;
    make_policies(before, common, input, found);
    if (found.failed()) return false;
    add(found, diagnostics_);
    world_ = std::move(before);
    return true;
  }

  void load_databases(const GeoConfig& config) {
    StartCare* const care = options_.care;
    Diagnostics of_geo;
    world_.geo = load_geo_file(config, options_.before == nullptr ? nullptr : options_.before->geo, of_geo);
    if (world_.geo == nullptr && care != nullptr && care->last_geo) world_.geo = care->last_geo(config);
    settle(of_geo, world_.geo != nullptr);
    Diagnostics of_systems;
    world_.systems = load_systems(config, of_systems);
    if (of_systems.failed() && care != nullptr && care->last_systems) world_.systems = care->last_systems(config);
    settle(of_systems, world_.systems != nullptr);
  }

  // What was found of a file: an error, unless a start found something in its place.
  void settle(const Diagnostics& found, bool replaced) {
    if (found.failed() && replaced) return keep_errors(found, options_.care->problems);
    add(found, diagnostics_);
  }

  // Without the shared secrets each client learns a cookie of this server's own.
  void load_cookies() {
    const CookieConfig& config = world_.config.cookies;
    if (!config.enabled || !config.secrets) return;
    Diagnostics found;
    const auto secrets = load_cookie_secrets(config.secrets->value, config.secrets->at, found);
    if (secrets) world_.cookies = *secrets;
    settle(found, options_.care != nullptr);
  }

  // At a start nobody is served over TLS until a broken file is mended, and all others are.
  void load_tls() {
    if (!world_.config.tls) return;
    Diagnostics found;
    world_.tls_hosts =
        shared::load::read_tls_hosts(world_.config.tls->certificates, std::chrono::system_clock::now(), found);
    if (found.failed()) world_.tls_hosts.clear();
    settle(found, options_.care != nullptr);
    load_ticket_keys();
  }

  // Without those of the file sessions are resumed by who began them.
  void load_ticket_keys() {
    const auto& file = world_.config.tls->ticket_keys;
    if (!file) return;
    Diagnostics found;
    world_.ticket_keys = shared::load::read_ticket_keys(*file, found);
    settle(found, options_.care != nullptr);
  }

  // At a start with a broken file edges are asked whether they live, whoever they are: else all of them would be down.
  void load_probe_tls() {
    if (!world_.config.probe_tls) return;
    Diagnostics found;
    shared::ClientTls read =
        shared::load::read_client_tls(*world_.config.probe_tls, std::chrono::system_clock::now(), found);
    if (!found.failed()) world_.probe_tls = std::move(read);
    settle(found, options_.care != nullptr);
  }

  [[nodiscard]] PolicyInput policy_input() const {
    PolicyInput input;
    if (options_.before != nullptr) input = input_after(*options_.before);
    if (options_.accepted != nullptr) input.accepted = *options_.accepted;
    input.yaml.files = options_.files;
    return input;
  }

  const LoadOptions& options_;
  Diagnostics& diagnostics_;
  World world_;
};

RateLimit rate_limit_of(const RateLimitConfig& config) {
  return {config.mode, static_cast<std::uint32_t>(ResponseCells::kBurstUs / config.rate.per_second), config.slip};
}

// A world's large tables come and go with each reload. As maps of their own they go back to the kernel; on the heap,
// where glibc puts them once one has been freed (it raises its threshold), they leave holes: twice the memory.
void keep_tables_apart() {
  static std::once_flag once;
  std::call_once(once, [] { ::mallopt(M_MMAP_THRESHOLD, 256 << 10); });
}

// At a start a broken key shuts the TCP ports of the admin port to changes until it is mended, and nothing else. It is
// not in the copy: a secret that was replaced must not come back.
void load_key(shared::load::Config& common, StartCare* care, Diagnostics& diagnostics) {
  Diagnostics found;
  shared::load::load_key(common, found);
  if (care != nullptr && found.failed()) return keep_errors(found, care->problems);
  add(found, diagnostics);
}

}  // namespace

std::optional<World> load_world(const std::string& path, Diagnostics& diagnostics, const LoadOptions& options) {
  auto notes = std::make_shared<shared::load::FileNotes>();
  auto fresh = std::make_shared<shared::load::FreshTexts>();
  LoadOptions noted = options;
  noted.files = shared::load::noting(options.files, {*notes, *fresh, options.is_kept});
  auto settings = shared::load::settings_for(shared::load::Role::dns);
  settings.files = noted.files;
  settings.parsed = options.parsed;
  settings.node = options.node;
  auto common = shared::load::load_sections(path, settings, diagnostics);
  if (!common) return std::nullopt;
  load_key(*common, options.care, diagnostics);
  auto world = build_world(std::move(*common), diagnostics, noted);
  if (!world) return world;
  world->files = std::move(notes);
  world->fresh = std::move(fresh);
  return world;
}

std::optional<World> build_world(shared::load::Config common, Diagnostics& diagnostics, const LoadOptions& options) {
  keep_tables_apart();
  return WorldBuilder(options, diagnostics).build(std::move(common));
}

std::optional<World> with_new_overrides(const World& world, Diagnostics& diagnostics) {
  if (world.config.geo.overrides.empty()) {
    diagnostics.error(world.config.geo.at, "there is no overrides file: dns.geo.overrides names one");
    return std::nullopt;
  }
  World next = world;
  shared::load::FileNotes read;
  PolicyInput input = input_after(world);
  auto fresh = std::make_shared<shared::load::FreshTexts>();
  const auto is_kept = world.files == nullptr ? nullptr : shared::load::contents_of(*world.files);
  input.yaml.files = shared::load::noting(shared::load::disk(), {read, *fresh, is_kept});
  make_policies(next, next.common, input, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  if (world.files == nullptr) return next;
  next.files = shared::load::with_newer(*world.files, std::move(read));
  next.fresh = std::move(fresh);
  return next;
}

std::optional<World> with_new_geo(const World& before, Diagnostics& diagnostics) {
  auto geo = load_geo_file(before.config.geo, before.geo, diagnostics);
  return geo == nullptr ? std::nullopt : with_geo(before, std::move(geo), diagnostics);
}

std::optional<World> with_geo(const World& before, std::shared_ptr<const GeoFile> geo, Diagnostics& diagnostics) {
  World next = before;
  next.geo = std::move(geo);
  Diagnostics again;  // the warnings of the configuration have been told; what is an error now was none before
  make_policies(next, next.common, input_after(before), again);
  for (const auto& problem : again.list()) {
    if (problem.severity == Severity::error) diagnostics.error(problem.at, problem.message);
    const bool told = problem.severity == Severity::error || before.policy_warnings.contains(problem.message);
    if (!told) diagnostics.warning(problem.at, problem.message);
  }
  if (next.policies == nullptr) return std::nullopt;
  return next;
}

std::vector<NeedsRestart> needs_restart(const World& before, const World& after) {
  std::vector<NeedsRestart> options;
  for (auto& option : shared::load::changed_for_good(before.common, after.common, shared::load::Role::dns)) {
    options.push_back({std::move(option), {}});
  }
  const auto& listen = after.config.listen;
  const bool same_listeners =
      std::ranges::equal(before.config.listen, listen, [](const auto& a, const auto& b) { return a.value == b.value; });
  if (!same_listeners) {
    options.push_back({"dns.listen", listen.empty() ? shared::load::Position{} : listen.front().at});
  }
  const auto tls_addresses = [](const World& world) {
    std::vector<shared::Endpoint> addresses;
    if (world.config.tls) {
      for (const auto& one : world.config.tls->listen) addresses.push_back(one.value);
    }
    return addresses;
  };
  if (tls_addresses(before) != tls_addresses(after)) options.push_back({"dns.tls.listen", {}});
  if (before.config.workers != after.config.workers) options.push_back({"dns.workers", {}});
  return options;
}

Snapshot make_snapshot(const World& world, std::shared_ptr<const AnswerSets> answers) {
  Snapshot snapshot;
  snapshot.zones = world.zones;
  snapshot.policies = world.policies;
  snapshot.answers = std::move(answers);
  snapshot.identity = {world.config.nsid, world.config.version};
  snapshot.udp_payload_size = static_cast<std::uint16_t>(world.config.udp_payload_size);
  snapshot.cookies = world.cookies;
  snapshot.rate_limit = rate_limit_of(world.config.rate_limit);
  return snapshot;
}

}  // namespace dns
