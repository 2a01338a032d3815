#include "cli/geo.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/geo_diff.h"
#include "dns/load/config.h"
#include "dns/load/mmdb.h"
#include "shared/load/config.h"
#include "shared/load/values.h"

namespace cli {
namespace {

struct Options {
  std::string address;
  std::string database;
  std::string config;
};

// The database that the configuration names.
shared::Result<std::string> database_of(const std::string& path) {
  shared::load::Diagnostics diagnostics;
  const auto common = shared::load::load_config(path, diagnostics);
  const auto section = common ? dns::read_config(*common, diagnostics) : dns::Config();
  if (diagnostics.failed()) return shared::fail(path + " has errors; meridian check shows them");
  if (section.geo.database.empty()) return shared::fail(path + " names no geo database");
  return section.geo.database.string();
}

void print_record(const dns::GeoDatabase& database, const dns::GeoDatabase::Found& found) {
  const dns::GeoRecord& record = database.record(found.id);
  const auto number = shared::load::print_number;
  print("place     " + (record.code.empty() ? "-" : record.code.text()) + "\n");
  print("location  " +
        (record.location ? number(record.location->latitude) + ", " + number(record.location->longitude)
                         : std::string("-")) +
        "\n");
  if (record.asn != 0) print("asn       " + std::to_string(record.asn) + "\n");
}

Exit run_lookup(const Options& options) {
  const auto address = shared::IpAddress::parse(options.address);
  if (!address) return complain(Exit::invalid, "'" + options.address + "' is not an IP address");
  if (options.database.empty() == options.config.empty()) {
    return complain(Exit::invalid, "geo lookup: say --database FILE.mmdb, or --config FILE");
  }
  const auto file =
      options.config.empty() ? shared::Result<std::string>(options.database) : database_of(options.config);
  if (!file) return complain(Exit::invalid, file.error().message);
  const auto database = dns::load_mmdb(*file);
  if (!database) return complain(Exit::invalid, database.error().message);
  const auto found = (*database)->lookup(*address);
  print("address   " + address->to_string() + "\n");
  print("database  " + (*database)->source().file + " (" + (*database)->source().type + ")\n");
  if (found.id == dns::kNoGeoRecord) return complain(Exit::failed, "the database does not hold this address");
  print("block     " + found.block.to_string() + "\n");
  print_record(**database, found);
  return Exit::ok;
}

}  // namespace

Command geo_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* geo = parent.add_subcommand("geo", "Look into geo databases");
  auto* lookup = geo->add_subcommand("lookup", "Show the place of an address");
  geo->require_subcommand(1);
  lookup->add_option("ADDRESS", options->address, "IPv4 or IPv6")->required();
  lookup->add_option("--database", options->database, "A .mmdb file: City, Country or ASN layout");
  lookup->add_option("--config", options->config, "Take the database of this configuration");
  lookup->footer(
      "Exit status 1: the database does not hold the address.\n"
      "Example: meridian geo lookup 81.2.69.142 --database /var/lib/GeoIP/GeoLite2-City.mmdb");
  auto diff = std::make_shared<GeoDiffOptions>();
  add_geo_diff(*geo, diff);
  return {geo, [lookup, options, diff] { return lookup->parsed() ? run_lookup(*options) : run_geo_diff(*diff); }};
}

}  // namespace cli
