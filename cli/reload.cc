#include "cli/reload.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/admin_client.h"

namespace cli {
namespace {

struct Options {
  std::string server = kDefaultDnsAdmin;
  bool overrides = false;
  bool force_geo = false;
};

Exit run_reload(const Options& options) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/reload";
  if (options.overrides) call.query.emplace_back("what", "overrides");
  if (options.force_geo) call.query.emplace_back("force_geo", "true");
  const auto body = fetch(options.server, call);
  if (!body) return complain(Exit::failed, body.error().message);
  print(*body);
  return Exit::ok;
}

}  // namespace

Command reload_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* app = parent.add_subcommand("reload", "Have a running server read its configuration again");
  app->add_option("--server", options->server, "Admin address: 127.0.0.1:5380, or unix:/run/meridian/dns.sock")
      ->capture_default_str();
  app->add_flag("--overrides", options->overrides,
                "Only the file of dns.geo.overrides: zones and geo databases stay as they are");
  app->add_flag("--force-geo", options->force_geo,
                "Take a new geo database although it moves more answers than dns.geo.guard allows");
  app->footer(
      "All or nothing: if anything is wrong, the server keeps what it has and says why.\n"
      "Example: meridian reload --server 127.0.0.1:5380");
  return {app, [options] { return run_reload(*options); }};
}

}  // namespace cli
