#include "cli/geo.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "cli/geo_diff.h"
#include "dns/load/config/config.h"
#include "dns/load/geo/geo_memory.h"
#include "dns/load/geo/geo_overrides.h"
#include "dns/load/geo/mmdb.h"
#include "shared/load/config.h"
#include "shared/load/values.h"

namespace cli {
namespace {

struct Options {
  std::string address;
  std::string database;
  std::string config;
};

using Database = std::shared_ptr<const dns::GeoDatabase>;

// What an address is looked up in.
struct Sources {
  Database geo;
  Database systems;                   // null: `geo` knows them, if anything does
  dns::GeoOverridesConfig overrides;  // applied already
  std::string serves;                 // whether a server answers by it; empty: not asked
};

// The database by which a server with this state directory answers, as far as it has said: the file, or the one before
// while the file waits.
shared::Result<Database> serving_database(const dns::GeoConfig& geo, const std::filesystem::path& state,
                                          std::string& serves) {
  const dns::GeoMemory memory = dns::read_geo_memory(state);
  const auto stamp = dns::stamp_of(geo.database);
  const bool known = memory.database && memory.database->file == shared::load::noted_path(geo.database);
  if (known && stamp && memory.waiting && memory.waiting->is(*stamp)) {
    serves = "the one before it, kept in " + (state / dns::kGeoCopyFile).string() +
             ": the file is newer and waits: " + memory.waiting->why;
    if (const auto copy = dns::remembered_geo(state, memory, geo)) return copy->database;
    return shared::fail("cannot read " + (state / dns::kGeoCopyFile).string() + ", by which the server answers");
  }
  if (!known) {
    serves = "unknown: no server has kept anything of it in " + state.string();
  } else if (stamp && memory.database->stamp == *stamp) {
    serves = "this one";
  } else {
    serves = "the one before it until the server has looked at this one, which has changed since";
  }
  return dns::load_mmdb(geo.database.string());
}

// The databases of the configuration as a server uses them: corrected by the overrides file.
shared::Result<Sources> sources_of(const std::string& path) {
  shared::load::Diagnostics diagnostics;
  const auto common = shared::load::load_config(path, shared::load::settings_for(shared::load::Role::dns), diagnostics);
  const auto section = common ? dns::read_config(*common, diagnostics) : dns::Config();
  if (diagnostics.failed()) return shared::fail(path + " has errors; meridian check shows them");
  const dns::GeoConfig& geo = section.geo;
  if (geo.database.empty()) return shared::fail(path + " names no geo database");
  dns::SteeringConfig databases_alone;
  databases_alone.geo = geo;
  std::string serves;
  const auto database = serving_database(geo, shared::load::dns_state_directory(*common), serves);
  if (!database) return tl::unexpected(database.error());
  const dns::PolicyInput input{{*database, dns::load_systems(geo, diagnostics)}};
  const auto tables = dns::build_policies(databases_alone, *common, input, diagnostics);
  if (tables == nullptr || diagnostics.failed()) return shared::fail("geo lookup:\n" + diagnostics.render());
  Sources sources{tables->spec().geo, tables->spec().asn, {}, std::move(serves)};
  if (!geo.overrides.empty())
    sources.overrides = dns::read_geo_overrides(geo.overrides, shared::load::process_settings(), diagnostics);
  return sources;
}

shared::Result<Sources> sources_of(const Options& options) {
  if (!options.config.empty()) return sources_of(options.config);
  auto database = dns::load_mmdb(options.database);
  if (!database) return tl::unexpected(database.error());
  return Sources{*std::move(database), nullptr, {}, {}};
}

void print_record(const dns::GeoRecord& record, std::uint32_t asn) {
  const auto number = shared::load::print_number;
  print("place     " + (record.code.empty() ? "-" : record.code.text()) + "\n");
  print("location  " +
        (record.location ? number(record.location->latitude) + ", " + number(record.location->longitude)
                         : std::string("-")) +
        "\n");
  if (asn != 0) print("asn       " + std::to_string(asn) + "\n");
}

// "[eu, {us-east: 3, us-west}]": as the file has it, weights of 1 left out.
std::string text_of(const dns::OrderConfig& order) {
  std::string text;
  for (const dns::ElementConfig& element : order) {
    std::string members;
    for (const dns::MemberConfig& member : element) {
      members += (members.empty() ? "" : ", ") + member.region;
      if (member.weight != 1) members += ": " + std::to_string(member.weight);
    }
    text += (text.empty() ? "" : ", ") + (element.size() == 1 ? members : "{" + members + "}");
  }
  return "[" + text + "]";
}

// The most specific row around the address: the one that counts.
void print_override(const dns::GeoOverridesConfig& overrides, const shared::IpAddress& address) {
  const dns::GeoOverrideConfig* best = nullptr;
  shared::Prefix where;
  for (const auto& [key, at, row] : overrides) {
    const auto prefix = shared::Prefix::parse(key);
    if (!prefix || !prefix->contains(address) || (best != nullptr && prefix->length < where.length)) continue;
    best = &row;
    where = *prefix;
  }
  if (best == nullptr) return;
  print("override  " + where.to_string() + (best->reason.empty() ? "" : " (" + best->reason + ")") + "\n");
  if (best->regions) print("regions   " + text_of(*best->regions) + ", before all that a policy says\n");
}

Exit run_lookup(const Options& options) {
  const auto address = shared::IpAddress::parse(options.address);
  if (!address) return complain(Exit::invalid, "'" + options.address + "' is not an IP address");
  if (options.database.empty() == options.config.empty()) {
    return complain(Exit::invalid, "geo lookup: say --database FILE.mmdb, or --config FILE");
  }
  const auto sources = sources_of(options);
  if (!sources) return complain(Exit::invalid, sources.error().message);
  const dns::GeoDatabase& geo = *sources->geo;
  const auto found = geo.lookup(*address);
  print("address   " + address->to_string() + "\n");
  print("database  " + geo.source().file + " (" + geo.source().type + ")\n");
  if (!sources->serves.empty()) print("serves    " + sources->serves + "\n");
  const Database& systems = sources->systems;
  const std::uint32_t asn =
      systems == nullptr ? geo.record(found.id).asn : systems->record(systems->lookup(*address).id).asn;
  if (found.id != dns::kNoGeoRecord) {
    print("block     " + found.block.to_string() + "\n");
    print_record(geo.record(found.id), asn);
  }
  print_override(sources->overrides, *address);
  if (found.id == dns::kNoGeoRecord) return complain(Exit::failed, "the database does not hold this address");
  return Exit::ok;
}

}  // namespace

Command geo_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto geo = parent.command("geo", "Look into geo databases");
  const auto lookup = geo.command("lookup", "Show the place of an address");
  geo.require_command();
  lookup.option("ADDRESS", options->address, "IPv4 or IPv6").required();
  lookup.option("--database", options->database, "A .mmdb file: City, Country or ASN layout");
  lookup.option("--config", options->config, "Take the databases of this configuration, and its overrides file");
  lookup.footer(
      "With --config: as a server with this configuration sees the address, corrected by dns.geo.overrides.\n"
      "Exit status 1: the database does not hold the address.\n"
      "Example: meridian geo lookup 81.2.69.142 --database /var/lib/GeoIP/GeoLite2-City.mmdb");
  auto diff = std::make_shared<GeoDiffOptions>();
  add_geo_diff(geo, diff);
  return {geo, [lookup, options, diff] { return lookup.said() ? run_lookup(*options) : run_geo_diff(*diff); }};
}

}  // namespace cli
