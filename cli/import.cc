#include "cli/import.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/import_gdnsd.h"
#include "cli/import_octodns.h"
#include "cli/import_plan.h"
#include "shared/core/ip.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> files;  // octoDNS
  std::string folder;              // gdnsd
  std::string zone;
  std::string out = ".";
  std::string database;
  std::string service = "imported";
  std::vector<std::string> nodes;
  bool force = false;
};

Exit write_all(const Options& options, ImportPlan& plan) {
  const ImportFiles made = write_import(plan);
  std::vector<std::pair<fs::path, std::string>> files = {{fs::path(options.out) / "meridian.yaml", made.configuration}};
  for (const auto& [name, text] : made.zones) files.emplace_back(fs::path(options.out) / name, text);
  std::error_code problem;
  for (const auto& [path, text] : files) {
    if (options.force || !fs::exists(path, problem)) continue;
    return complain(Exit::failed, path.string() + " is there already; --force writes over it");
  }
  fs::create_directories(fs::path(options.out) / "zones", problem);
  for (const auto& [path, text] : files) {
    if (!(std::ofstream(path) << text).flush()) return complain(Exit::failed, "cannot write " + path.string());
    print("wrote " + path.string() + "\n");
  }
  print(std::to_string(plan.names.size()) + " steered names, " + std::to_string(plan.zones.size()) + " zones; " +
        (plan.lost.empty() ? "everything mapped\n" : std::to_string(plan.lost.size()) + " things did not map:\n"));
  for (const std::string& line : plan.lost) print("  " + line + "\n");
  print("next: meridian check " + shell_word((fs::path(options.out) / "meridian.yaml").string()) + "\n");
  return Exit::ok;
}

Exit run_import(const Options& options, bool gdnsd) {
  ImportPlan plan;
  plan.service = plain_word(options.service);
  plan.nodes = options.nodes;
  for (const std::string& node : plan.nodes) {
    if (!shared::IpAddress::parse(node)) return complain(Exit::invalid, "--node '" + node + "' is no address");
  }
  if (!options.database.empty()) plan.geo_database = fs::absolute(options.database);
  if (!options.zone.empty() && options.files.size() > 1) {
    return complain(Exit::invalid, "--zone names the zone of one FILE; several are named by their files");
  }
  shared::load::Diagnostics diagnostics;
  if (gdnsd) import_gdnsd(options.folder, plan, diagnostics);
  for (const std::string& file : options.files) import_octodns(file, options.zone, plan, diagnostics);
  if (diagnostics.failed()) return complain(Exit::invalid, "cannot be read:\n" + diagnostics.render());
  if (plan.zones.empty()) return complain(Exit::failed, "there is no zone in it");
  return write_all(options, plan);
}

void add_options(shared::Parser parser, Options& options) {
  parser.option("--out", options.out, "The folder for meridian.yaml and zones/").with_default();
  parser.option("--geo-database", options.database,
                "A MaxMind-format database on this machine; without one, steps by place are written as comments");
  parser.option("--node", options.nodes, "The address of a DNS node, for zones that name no servers; may be repeated");
  parser.option("--service", options.service, "A name for it all").with_default();
  parser.flag("--force", options.force, "Write over files that are there");
}

}  // namespace

Command import_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("import", "Make a configuration of another server's steering");
  parser.require_command();
  const auto octodns = parser.command("octodns", "Zones of octoDNS's YAML provider, with their dynamic records");
  octodns.option("FILE", options->files, "ZONE.yaml, one for each zone").required();
  octodns.option("--zone", options->zone, "The zone, where the file is not named after it");
  add_options(octodns, *options);
  octodns.footer(
      "Pools become regions, rules the steps of a policy. What has no counterpart is told with its line.\n"
      "Example: meridian import octodns config/example.com.yaml --out meridian --node 192.0.2.53");
  const auto gdnsd = parser.command("gdnsd", "A configuration of gdnsd and its zones, as far as they map");
  gdnsd.option("DIR", options->folder, "The folder with `config` and `zones/`: /etc/gdnsd").required();
  add_options(gdnsd, *options);
  gdnsd.footer(
      "DYNA and DYNC of the plugins geoip, metafo, multifo, simplefo, weighted and static become policies; all other\n"
      "records stay in the zones. What has no counterpart is told with its line.\n"
      "Example: meridian import gdnsd /etc/gdnsd --out meridian");
  return {parser, [options, gdnsd] { return run_import(*options, gdnsd.said()); }};
}

}  // namespace cli
