#include "edge/load/world.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>

#include "shared/core/hash.h"
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
  auto common =
      shared::load::load_config(options_.config, shared::load::settings_for(shared::load::Role::edge), diagnostics);
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
  return World{
      .common = std::move(*common), .config = std::move(config), .node = own->node, .built = std::move(*built)};
}

std::optional<World> WorldLoader::with_inputs(const World& world, const PoolInputs& inputs,
                                              shared::load::Diagnostics& diagnostics) {
  World next = world;
  const PoolPlace place{world.common.service, world.built.settings->identity.region};
  next.built.servers = build_pools(next.config, place, inputs, registry_.servers, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  reserve(next.built.servers);
  return next;
}

std::optional<World> WorldLoader::with_certificates(const World& world, shared::load::Diagnostics& diagnostics) {
  World next = world;
  read_tls(next.config, next.built, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  return next;
}

std::vector<std::filesystem::path> tls_files(const EdgeConfig& config) {
  std::vector<std::filesystem::path> files;
  if (config.ticket_keys) files.push_back(config.ticket_keys->value);
  for (const ListenConfig& listen : config.listen) {
    for (const shared::load::CertificateConfig& one : listen.certificates) {
      files.insert(files.end(), {one.certificate, one.key, one.ocsp});
      if (one.client_certificates) files.push_back(one.client_certificates->ca);
    }
  }
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  std::erase(files, std::filesystem::path());
  return files;
}

std::uint64_t stamp_of(const std::vector<std::filesystem::path>& files) {
  std::uint64_t stamp = 0;
  for (const std::filesystem::path& file : files) {
    struct stat seen{};
    if (::stat(file.c_str(), &seen) != 0) seen = {};
    for (const std::uint64_t part :
         {std::uint64_t{seen.st_ino}, static_cast<std::uint64_t>(seen.st_size),
          static_cast<std::uint64_t>(seen.st_mtim.tv_sec), static_cast<std::uint64_t>(seen.st_mtim.tv_nsec)}) {
      stamp = shared::mix(stamp ^ part);
    }
  }
  return stamp;
}

void WorldLoader::reserve(const PoolParts& parts) {
  live_.reserve(parts.last_slot);
  if (parts.last_server) live_.reserve(*parts.last_server);
  // Of builds that failed, too: nobody has used those ids since.
  for (const ServerId id : registry_.servers.take_reassigned()) live_.begin_tenancy(id);
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
  if (before.node != after.node) options.emplace_back("this edge's own address");
  return options;
}

}  // namespace edge
