#include "cli/check.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cli/cross_check.h"
#include "dns/load/world/world.h"
#include "edge/load/build.h"
#include "shared/load/config.h"

namespace cli {
namespace {

using shared::load::Config;
using shared::load::Diagnostic;
using shared::load::Diagnostics;
using shared::load::Severity;

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void add(const Diagnostic& problem, Diagnostics& diagnostics) {
  if (problem.severity == Severity::error) {
    diagnostics.error(problem.at, problem.message);
  } else {
    diagnostics.warning(problem.at, problem.message);
  }
}

// As the edge of every region would build it; what is wrong for several of them is told once.
void check_edges(const Config& config, const edge::EdgeConfig& section, Diagnostics& diagnostics) {
  std::set<std::string> told;
  for (const auto& [name, at, region] : config.regions) {
    if (region.edges.empty()) continue;
    Diagnostics of_region;
    edge::Registry registry;
    const edge::BuildInput input{config, section, name, region.edges.front().value};
    static_cast<void>(edge::build(input, registry, of_region));
    for (const Diagnostic& problem : of_region.list()) {
      if (told.insert(problem.to_string()).second) add(problem, diagnostics);
    }
  }
}

// The first of the DNS nodes has stood in for all; what is wrong on another alone is in its own values.
void check_other_nodes(const std::string& path, const dns::Config& first, const std::string& own,
                       Diagnostics& diagnostics) {
  std::set<std::string> told;
  for (const Diagnostic& problem : diagnostics.list()) told.insert(problem.to_string());
  for (const auto& node : first.nodes) {
    if (node.name == own) continue;
    Diagnostics of_node;
    auto settings = shared::load::settings_for(shared::load::Role::dns);
    settings.node.name = node.name;
    const auto config = shared::load::load_sections(path, settings, of_node);
    if (config) static_cast<void>(dns::read_config(*config, of_node));
    for (const Diagnostic& problem : of_node.list()) {
      if (told.insert(problem.to_string()).second) add(problem, diagnostics);
    }
  }
}

void check_all(const std::string& path, Diagnostics& diagnostics) {
  auto config = shared::load::load_config(path, shared::load::settings_for(shared::load::Role::both), diagnostics);
  if (!config) return;
  std::optional<edge::EdgeConfig> section;
  if (config->edge) {
    const std::size_t before = diagnostics.errors();
    section = edge::read_edge_config(*config, diagnostics);
    if (diagnostics.errors() == before) check_edges(*config, *section, diagnostics);
  }
  check_machine(*config, section ? &*section : nullptr, diagnostics);
  if (!config->dns) return;
  const std::string node = config->node;
  const auto world = dns::build_world(std::move(*config), diagnostics);
  if (world) check_other_nodes(path, world->config, node, diagnostics);
  if (!world || !section) return;
  check_hosts(*section, *world->zones, diagnostics);
  check_alpn(*section, *world, diagnostics);
}

Exit run_check(const std::string& path) {
  Diagnostics diagnostics;
  check_all(path, diagnostics);
  std::fputs(diagnostics.render().c_str(), stderr);
  if (diagnostics.failed()) {
    print(path + ": " + counted(diagnostics.errors(), "error") + ", " + counted(diagnostics.warnings(), "warning") +
          "\n");
    return Exit::invalid;
  }
  print(path + ": good" +
        (diagnostics.warnings() > 0 ? ", with " + counted(diagnostics.warnings(), "warning") : std::string()) + "\n");
  return Exit::ok;
}

}  // namespace

Command check_command(shared::Parser parent) {
  auto path = std::make_shared<std::string>();
  const auto parser = parent.command("check", "Check a configuration and every file that it names");
  parser.option("FILE", *path, "The configuration file").required();
  parser.footer(
      "Tells all problems at once as FILE:LINE:COLUMN, then a verdict of one line. Exit status 2: there are errors.\n"
      "Example: meridian check /etc/meridian/meridian.yaml");
  return {parser, [path] { return run_check(*path); }};
}

}  // namespace cli
