#include "cli/status.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/admin_client.h"
#include "cli/json_text.h"

namespace cli {
namespace {

struct Options {
  std::string server = kDefaultDnsAdmin;
  bool json = false;
};

Exit run_status(const Options& options) {
  AdminCall call;
  call.path = "/status";
  const auto body = fetch(options.server, call);
  if (!body) return complain(Exit::failed, body.error().message);
  if (options.json) {
    print(*body);
    return Exit::ok;
  }
  const auto text = readable(*body);
  if (!text) return complain(Exit::failed, options.server + ": " + text.error().message);
  print(*text);
  return Exit::ok;
}

}  // namespace

Command status_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* app = parent.add_subcommand("status", "Show what a running server thinks");
  app->add_option("--server", options->server, "Admin address: 127.0.0.1:5380, or unix:/run/meridian/dns.sock")
      ->capture_default_str();
  app->add_flag("--json", options->json, "Print the server's JSON as it is");
  app->footer("Example: meridian status --server 127.0.0.1:9180");
  return {app, [options] { return run_status(*options); }};
}

}  // namespace cli
