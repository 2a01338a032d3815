#include "cli/init.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "cli/yaml_text.h"
#include "dns/core/wire/name.h"
#include "shared/core/ascii.h"
#include "shared/core/ip.h"
#include "shared/load/idn.h"

namespace cli {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::size_t first = text.find_first_not_of(' ');
    if (first < end) parts.emplace_back(text.substr(first, end - first));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

// The elements of a list; each as `write` has it.
template <class Write>
std::string joined(const std::vector<std::string>& words, Write write) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + write(word);
  return out;
}

std::vector<std::string> region_names(const InitPlan& plan) {
  std::vector<std::string> names;
  for (const InitRegion& region : plan.regions) names.push_back(region.name);
  return names;
}

InitRegion* find_region(InitPlan& plan, std::string_view name) {
  const auto found = std::find_if(plan.regions.begin(), plan.regions.end(),
                                  [name](const InitRegion& region) { return region.name == name; });
  return found == plan.regions.end() ? nullptr : &*found;
}

// NAME=REST of an option that speaks of a region.
shared::Result<std::pair<InitRegion*, std::string>> of_region(InitPlan& plan, const std::string& text,
                                                              const std::string& option) {
  const std::size_t equals = text.find('=');
  InitRegion* region = find_region(plan, text.substr(0, equals));
  if (equals == std::string::npos || region == nullptr) {
    return shared::fail(option + " '" + text + "': expected REGION=..., with a region that --region names");
  }
  return std::pair(region, text.substr(equals + 1));
}

bool located(const InitPlan& plan) {
  return std::all_of(plan.regions.begin(), plan.regions.end(),
                     [](const InitRegion& region) { return !region.location.empty(); });
}

// LATITUDE,LONGITUDE in degrees: it goes into the configuration as it is.
bool is_location(std::string_view text) {
  constexpr double kMostLatitude = 90;
  constexpr double kMostLongitude = 180;
  const auto within = [](std::string_view number, double most) {
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    return error == std::errc{} && end == number.data() + number.size() && value >= -most && value <= most;
  };
  const std::size_t comma = text.find(',');
  return comma != std::string_view::npos && within(shared::trim(text.substr(0, comma)), kMostLatitude) &&
         within(shared::trim(text.substr(comma + 1)), kMostLongitude);
}

std::string absolute(const InitPlan& plan, const std::string& name) {
  return name == "@" ? plan.zone : name + "." + plan.zone;
}

std::string dns_part(const InitPlan& plan) {
  const std::string all = joined(region_names(plan), yaml_word);
  std::string nodes = "  # Whom `meridian drain --all` tells; {node} is the name of each: nsid: \"{node}\"\n  nodes:\n";
  for (std::size_t at = 0; at < plan.nodes.size(); ++at) {
    nodes += "    ns" + std::to_string(at + 1) + ": {address: \"" + plan.nodes[at] + "\"}\n";
  }
  std::string out =
      "\ndns:\n" + nodes + "  listen: [\"0.0.0.0:53\", \"[::]:53\"]\n  zones: {" + yaml_word(plan.zone) + ": " +
      yaml_word(plan.zone + ".zone") + "}\n" +
      "  # Where clients are: a MaxMind-format database. With it, put a step `- nearest: {}` before failover.\n"
      "  # geo: {database: /var/lib/meridian/geo/country.mmdb}\n"
      "  policies:\n"
      "    closest:\n";
  if (located(plan)) out += "      # - nearest: {}\n";
  out += "      - failover: [" + all + "]   # the first of them that serves\n  names:\n";
  for (const std::string& name : plan.names) {
    out += "    " + yaml_word(absolute(plan, name)) + ": {policy: closest, ttl: {min: 5s, max: 30s}}\n";
  }
  return out;
}

std::string edge_part(const InitPlan& plan) {
  std::string out =
      "\nedge:\n  listen:\n    - {address: \"{edge}:80\", protocol: http}\n"
      "  # access_log: /var/log/meridian/access.log\n"
      "  pools:\n    web:\n"
      "      critical: true   # a region whose servers are all down leaves the answers\n"
      "      health: {path: /, interval: 2s, timeout: 1s, fall: 2, rise: 2}\n      servers:\n";
  for (const InitRegion& region : plan.regions) {
    const auto server = [](const std::string& address) { return "{address: " + yaml_quoted(address) + "}"; };
    out += "        " + yaml_word(region.name) + ": [" + joined(region.backends, server) + "]\n";
  }
  return out + "  routes:\n    - {path: /, pool: web}\n";
}

std::string ask(const std::string& question, const std::string& otherwise) {
  std::cout << question << (otherwise.empty() ? "" : " [" + otherwise + "]") << ": " << std::flush;
  std::string line;
  if (!std::getline(std::cin, line) || line.empty()) return otherwise;
  return line;
}

struct Said {
  std::string folder = ".";
  std::string service;
  std::string zone;
  std::vector<std::string> nodes;
  std::vector<std::string> names;
  std::vector<std::string> regions;
  std::vector<std::string> backends;
  std::vector<std::string> locations;
  bool force = false;
};

void ask_for_the_rest(Said& said) {
  if (said.zone.empty()) said.zone = ask("The zone that is to be steered", "example.com");
  if (said.service.empty()) said.service = ask("A name for the service", said.zone.substr(0, said.zone.find('.')));
  if (said.nodes.empty()) said.nodes = split(ask("Addresses of the DNS nodes, with commas", "192.0.2.53"), ',');
  if (said.regions.empty()) {
    for (const std::string& name : split(ask("Regions, with commas", "us-east,eu"), ',')) {
      said.regions.push_back(name + "=" + ask("Addresses of the edges of " + name, ""));
      said.backends.push_back(name + "=" + ask("Its web servers, ADDRESS:PORT with commas", ""));
    }
  }
}

// A name that the DNS can have; its file has one, too.
shared::Result<void> check_name(const std::string& option, const std::string& name) {
  const auto read =
      shared::load::to_ascii(name).and_then([](const std::string& ascii) { return dns::Name::from_text(ascii); });
  const bool writable = std::ranges::all_of(name, [](char c) { return (c > ' ' || c < 0) && c != 0x7f && c != '/'; });
  if (!name.empty() && read && writable) return {};
  return shared::fail(option + " '" + name + "' is no name" + (read ? "" : ": " + read.error().message));
}

// Of a name that is said in full what is below the zone; nothing: it is not said in full.
std::optional<std::string> cut_zone(std::string_view name, std::string_view zone) {
  if (shared::equals_ignoring_case(name, zone)) return "@";
  if (name.size() <= zone.size() + 1 || name[name.size() - zone.size() - 1] != '.') return std::nullopt;
  if (!shared::equals_ignoring_case(name.substr(name.size() - zone.size()), zone)) return std::nullopt;
  return std::string(name.substr(0, name.size() - zone.size() - 1));
}

// One that is said in full lies in the zone all the same, whichever of the two is in another script's letters.
std::string below_zone(std::string name, const std::string& zone) {
  if (name.ends_with('.')) name.pop_back();
  if (auto below = cut_zone(name, zone)) return *below;
  const auto ascii_name = shared::load::to_ascii(name);
  const auto ascii_zone = shared::load::to_ascii(zone);
  return ascii_name && ascii_zone ? cut_zone(*ascii_name, *ascii_zone).value_or(name) : name;
}

shared::Result<InitPlan> plan_of(const Said& said) {
  auto plan = cli::plan_of(said.regions, said.backends, said.locations);
  if (!plan) return plan;
  plan->zone = said.zone;
  plan->service = said.service.empty() ? said.zone.substr(0, said.zone.find('.')) : said.service;
  plan->nodes = said.nodes;
  if (!said.names.empty()) plan->names = said.names;
  if (plan->zone.empty()) return shared::fail("--zone is missing");
  if (plan->zone.back() == '.') plan->zone.pop_back();
  if (auto good = check_name("--zone", plan->zone); !good) return tl::unexpected(good.error());
  for (std::string& name : plan->names) {
    name = below_zone(name, plan->zone);
    if (auto good = check_name("--name", absolute(*plan, name)); !good) return tl::unexpected(good.error());
  }
  if (plan->nodes.empty()) return shared::fail("--node is missing: the addresses of the DNS nodes");
  for (const std::string& node : plan->nodes) {
    if (!shared::IpAddress::parse(node)) return shared::fail("--node '" + node + "' is no address");
  }
  return plan;
}

Exit write_files(const Said& said, const InitPlan& plan) {
  const std::filesystem::path folder = said.folder;
  const std::vector<std::pair<std::filesystem::path, std::string>> files = {
      {folder / "meridian.yaml", init_configuration(plan)}, {folder / (plan.zone + ".zone"), init_zone(plan)}};
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  for (const auto& [path, text] : files) {
    if (!said.force && std::filesystem::exists(path, problem)) {
      return complain(Exit::failed, path.string() + " is there already; --force writes over it");
    }
  }
  for (const auto& [path, text] : files) {
    if (!(std::ofstream(path) << text).flush()) return complain(Exit::failed, "cannot write " + path.string());
    print("wrote " + path.string() + "\n");
  }
  print("next: meridian check " + shell_word((folder / "meridian.yaml").string()) + "\n");
  return Exit::ok;
}

Exit init(Said said) {
  if (isatty(STDIN_FILENO) != 0) ask_for_the_rest(said);
  const auto plan = plan_of(said);
  return plan ? write_files(said, *plan) : complain(Exit::invalid, plan.error().message);
}

}  // namespace

shared::Result<InitPlan> plan_of(const std::vector<std::string>& regions, const std::vector<std::string>& backends,
                                 const std::vector<std::string>& locations) {
  InitPlan plan;
  for (const std::string& text : regions) {
    const std::size_t equals = text.find('=');
    InitRegion region{text.substr(0, equals), {}, {}, {}};
    if (equals != std::string::npos) region.edges = split(std::string_view(text).substr(equals + 1), ',');
    if (region.name.empty() || region.edges.empty()) {
      return shared::fail("--region '" + text + "': expected NAME=ADDRESS[,ADDRESS...], such as eu=203.0.113.11");
    }
    const auto wrong = std::ranges::find_if_not(
        region.edges, [](const std::string& edge) { return shared::IpAddress::parse(edge).has_value(); });
    if (wrong != region.edges.end()) return shared::fail("--region '" + text + "': '" + *wrong + "' is no address");
    plan.regions.push_back(std::move(region));
  }
  if (plan.regions.empty()) return shared::fail("--region is missing, such as --region eu=203.0.113.11");
  for (const std::string& text : backends) {
    auto said = of_region(plan, text, "--backend");
    if (!said) return tl::unexpected(said.error());
    for (std::string& server : split(said->second, ',')) said->first->backends.push_back(std::move(server));
  }
  for (const std::string& text : locations) {
    auto said = of_region(plan, text, "--location");
    if (!said) return tl::unexpected(said.error());
    if (!is_location(said->second)) {
      return shared::fail("--location '" + text +
                          "': expected REGION=LATITUDE,LONGITUDE in degrees, such as eu=53.35,-6.26");
    }
    said->first->location = said->second;
  }
  for (const InitRegion& region : plan.regions) {
    if (region.backends.empty()) {
      return shared::fail("--backend " + region.name + "=ADDRESS:PORT is missing: what its edges send requests to");
    }
  }
  return plan;
}

std::string init_configuration(const InitPlan& plan) {
  std::string out =
      "# Made by `meridian init`. All nodes get this file and take their part of it. Every option: man meridian.yaml.\n"
      "#\n"
      "#   meridian check meridian.yaml\n"
      "#   meridian-dns  --config meridian.yaml                  on each DNS node\n"
      "#   meridian-edge --config meridian.yaml --node ADDRESS   on each edge\n\n"
      "service: " +
      yaml_word(plan.service) + "\n\nregions:\n";
  for (const InitRegion& region : plan.regions) {
    out += "  " + yaml_word(region.name) + ": {" +
           (region.location.empty() ? "" : "location: [" + region.location + "], ") + "edges: [" +
           joined(region.edges, yaml_quoted) + "]}\n";
  }
  out +=
      "\n# Every DNS node asks every edge. Silence takes a region out after fall x interval + timeout; a refused "
      "connection at\n# once.\nhealth:\n  edge: {kind: http, port: 80, host: " +
      yaml_word(absolute(plan, plan.names.front())) + ", interval: 2s, timeout: 1s, fall: 3, rise: 2}\n";
  return out + dns_part(plan) + edge_part(plan);
}

std::string init_zone(const InitPlan& plan) {
  std::string records;
  std::string glue;
  for (std::size_t at = 0; at < plan.nodes.size(); ++at) {
    const std::string name = "ns" + std::to_string(at + 1);
    records += "        NS      " + name + "\n";
    glue += name + "     " + (plan.nodes[at].find(':') == std::string::npos ? "A   " : "AAAA") + "    " +
            plan.nodes[at] + "\n";
  }
  return "; " + plan.zone +
         ": what stands here is the same for every client. The addresses of the names in dns.names come from their\n"
         "; policies. At the registrar: delegate the zone to the names after NS, with their addresses as glue.\n"
         "$TTL 1h\n"
         "@       SOA     ns1 hostmaster ( 1 2h 15m 2w 5m )   ; a change of this file: add 1\n" +
         records + glue;
}

Command init_command(shared::Parser parent) {
  auto said = std::make_shared<Said>();
  const auto parser = parent.command("init", "Write a configuration and a zone to start from");
  parser.option("FOLDER", said->folder, "Where meridian.yaml and the zone file are written; this folder if not said");
  parser.option("--zone", said->zone, "The zone: example.com");
  parser.option("--service", said->service, "A name for it all; the zone's first label if not said");
  parser.option("--node", said->nodes, "The address of a DNS node; may be repeated");
  parser.option("--name", said->names, "A steered name in the zone, @ for the zone itself; www if not said");
  parser.option("--region", said->regions, "NAME=ADDRESS,...: a region and its edges; may be repeated");
  parser.option("--backend", said->backends, "REGION=ADDRESS:PORT,...: its web servers; may be repeated");
  parser.option("--location", said->locations, "REGION=LATITUDE,LONGITUDE: where it is; may be repeated");
  parser.flag("--force", said->force, "Write over files that are there");
  parser.footer(
      "At a terminal it asks for what is not said.\n"
      "Example: meridian init --zone example.com --node 192.0.2.53 --region eu=203.0.113.11 --backend "
      "eu=10.3.0.10:8080");
  return {parser, [said] { return init(*said); }};
}

}  // namespace cli
