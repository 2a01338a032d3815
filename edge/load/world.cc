#include "edge/load/world.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/load/restart.h"

namespace edge {

shared::Result<OwnEdge> find_own_edge(const Options& options, const shared::load::Config& config) {
  const auto named =
      std::ranges::find_if(config.regions, [&](const auto& region) { return region.name == options.region; });
  if (!options.region.empty() && named == config.regions.end()) {
    return shared::fail("--region " + options.region + ": there is no such region in " + options.config);
  }
  if (options.node.empty()) {
    if (options.region.empty()) return shared::fail("say which edge this is: --region NAME or --node ADDRESS");
    if (named->value.edges.size() != 1) {
      return shared::fail("region " + options.region + " has " + std::to_string(named->value.edges.size()) +
                          " edges: say which one this is with --node ADDRESS");
    }
    return OwnEdge{.region = options.region, .node = named->value.edges.front().value};
  }
  const auto node = shared::IpAddress::parse(options.node);
  if (!node) return shared::fail("--node " + options.node + ": not an IP address");
  const auto index = shared::load::region_of_edge(config, *node);
  if (!index) return shared::fail("--node " + options.node + ": no region has this edge");
  const std::string& region = config.regions[*index].name;
  if (!options.region.empty() && region != options.region) {
    return shared::fail("--node " + options.node + " is an edge of region " + region + ", not of " + options.region);
  }
  return OwnEdge{.region = region, .node = *node};
}

std::optional<World> WorldLoader::load(const PoolInputs& inputs, shared::load::Diagnostics& diagnostics) {
  auto files = std::make_shared<shared::load::FileNotes>();
  auto contents = std::make_shared<shared::load::FreshTexts>();
  auto settings = shared::load::settings_for(shared::load::Role::edge);
  settings.files = shared::load::noting(settings.files, {*files, *contents, [](const auto&) { return false; }});
  auto common = shared::load::load_config(options_.config, settings, diagnostics);
  if (!common || diagnostics.failed()) return std::nullopt;
  EdgeConfig config = read_edge_config(*common, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  const auto own = find_own_edge(options_, *common);
  if (!own) {
    diagnostics.error({}, own.error().message);
    return std::nullopt;
  }
  const BuildInput input{.config = *common,
                         .edge = config,
                         .region = own->region,
                         .node = own->node,
                         .key_seed = key_seed_,
                         .inputs = inputs};
  auto built = build(input, registry_, diagnostics);
  if (!built || diagnostics.failed()) return std::nullopt;
  reserve(built->servers);
  return World{.common = std::move(*common),
               .config = std::move(config),
               .node = own->node,
               .built = std::move(*built),
               .files = std::move(files),
               .contents = std::move(contents)};
}

std::optional<World> WorldLoader::with_inputs(const World& world, const PoolInputs& inputs,
                                              shared::load::Diagnostics& diagnostics) {
  World next = world;
  const PoolPlace place{world.common.service, world.built.settings->identity.region};
  PoolInputs here = inputs;
  here.tls_files = PoolInputs::TlsFiles::as_before;
  next.built.servers = build_pools(next.config, place, here, registry_.pools, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  reserve(next.built.servers);
  return next;
}

std::optional<World> WorldLoader::with_certificates(const World& world, const PoolInputs& inputs,
                                                    shared::load::Diagnostics& diagnostics) {
  World next = world;
  read_tls(next.config, next.built, diagnostics);
  const PoolPlace place{world.common.service, world.built.settings->identity.region};
  next.built.servers = build_pools(next.config, place, inputs, registry_.pools, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  reserve(next.built.servers);
  return next;
}

std::optional<World> WorldLoader::with_rules(const World& world, shared::load::Diagnostics& diagnostics) {
  World next = world;
  const BuildInput input{.config = next.common,
                         .edge = next.config,
                         .region = world.built.settings->identity.region,
                         .node = world.node,
                         .key_seed = key_seed_};
  read_rules(input, registry_, next.built, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  return next;
}

std::vector<std::filesystem::path> rule_files(const EdgeConfig& config) {
  std::vector<std::filesystem::path> files;
  if (config.tiers) {
    for (const TierSourceConfig& source : config.tiers->from) files.push_back(source.keys);
  }
  for (const auto& list : config.access) {
    for (const auto& entry : list.value.allow) files.push_back(entry.file.value);
    for (const auto& entry : list.value.deny) files.push_back(entry.file.value);
  }
  if (!config.geo_database.value.empty()) files.push_back(config.geo_database.value);
  for (const auto& policy : config.auth) {
    files.push_back(policy.value.passwords.value);
    files.push_back(policy.value.api_keys.value);
    if (policy.value.jwt) files.push_back(policy.value.jwt->keys.value);
  }
  if (config.redis) {
    files.push_back(config.redis->password_file);
    if (config.redis->sentinel) files.push_back(config.redis->sentinel->password_file);
    if (config.redis->tls) std::ranges::copy(shared::load::files_of(*config.redis->tls), std::back_inserter(files));
  }
  if (config.trace && config.trace->otlp) std::ranges::copy(files_of(*config.trace->otlp), std::back_inserter(files));
  for (const ErrorPageConfig& page : config.error_pages) files.push_back(page.file.value);
  for (const RouteConfig& route : config.routes) {
    for (const ErrorPageConfig& page : route.error_pages) files.push_back(page.file.value);
  }
  shared::load::settle(files);
  return files;
}

shared::load::TlsFiles tls_files(const EdgeConfig& config) {
  shared::load::TlsFiles files;
  if (config.ticket_keys) files.push_back(config.ticket_keys->value);
  for (const ListenConfig& listen : config.listen) shared::load::add_files(listen.certificates, files);
  for (const auto& [name, at, pool] : config.pools) {
    if (!pool.tls) continue;
    const auto of_pool = shared::load::files_of(*pool.tls);
    files.insert(files.end(), of_pool.begin(), of_pool.end());
  }
  shared::load::settle(files);
  return files;
}

void WorldLoader::reserve(const PoolParts& parts) {
  live_.reserve(parts.last_slot);
  if (parts.last_server) live_.reserve(*parts.last_server);
  // Of builds that failed, too: nobody has used those ids since.
  for (const ServerId id : registry_.pools.ids.take_reassigned()) live_.begin_tenancy(id);
}

std::vector<std::string> needs_restart(const World& before, const World& after) {
  auto options = shared::load::changed_for_good(before.common, after.common, shared::load::Role::edge);
  if (before.built.listen != after.built.listen) options.emplace_back("edge.listen");
  if (before.config.workers != after.config.workers) options.emplace_back("edge.workers");
  if (before.config.access_log != after.config.access_log) options.emplace_back("edge.access_log");
  if (before.config.client.max_connections != after.config.client.max_connections) {
    options.emplace_back("edge.client.max_connections");
  }
  if (before.config.client.max_memory != after.config.client.max_memory) options.emplace_back("edge.client.max_memory");
  const auto same_store = [](const auto& a, const auto& b) {
    return a.name == b.name && a.value.disk.value == b.value.disk.value;
  };
  if (!std::ranges::equal(before.config.caches, after.config.caches, same_store)) {
    options.emplace_back("edge.caches");
  }
  if (before.node != after.node) options.emplace_back("this edge's own address");
  return options;
}

}  // namespace edge
