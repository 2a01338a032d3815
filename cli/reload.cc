#include "cli/reload.h"

#include <memory>

#include "cli/servers.h"

namespace cli {
namespace {

constexpr shared::Duration kPatience = shared::seconds(30);  // a big configuration takes its time

struct Options {
  ServerOptions servers;
  bool overrides = false;
  bool force_geo = false;
};

Exit run_reload(const Options& options) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/reload";
  call.timeout = kPatience;
  if (options.overrides) call.query.emplace_back("what", "overrides");
  if (options.force_geo) call.query.emplace_back("force_geo", "true");
  call.while_building = true;
  // Geo databases and their overrides are a DNS node's.
  const bool dns = options.overrides || options.force_geo;
  return ask_each(options.servers, dns ? Role::dns : Role::any, call);
}

}  // namespace

Command reload_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("reload", "Have running servers read their configuration again");
  add_server_options(parser, options->servers, FileAs::argument);
  parser.flag("--overrides", options->overrides,
              "Only the file of dns.geo.overrides: zones and geo databases stay as they are");
  parser.flag("--force-geo", options->force_geo,
              "Take a new geo database although it moves more answers than dns.geo.guard allows");
  parser.footer(
      "All or nothing: if anything is wrong, the server keeps what it has and says why.\n"
      "Waits for as long as the server says that it builds.\n"
      "Example: meridian reload /etc/meridian/meridian.yaml");
  return {parser, [options] { return run_reload(*options); }};
}

}  // namespace cli
