#include "cli/reload.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/admin_client.h"

namespace cli {
namespace {

Exit run_reload(const std::string& server) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/reload";
  const auto body = fetch(server, call);
  if (!body) return complain(Exit::failed, body.error().message);
  print(*body);
  return Exit::ok;
}

}  // namespace

Command reload_command(CLI::App& parent) {
  auto server = std::make_shared<std::string>(kDefaultDnsAdmin);
  auto* app = parent.add_subcommand("reload", "Have a running server read its configuration again");
  app->add_option("--server", *server, "Admin address: 127.0.0.1:5380, or unix:/run/meridian/dns.sock")
      ->capture_default_str();
  app->footer(
      "All or nothing: if anything is wrong, the server keeps what it has and says why.\n"
      "Example: meridian reload --server 127.0.0.1:5380");
  return {app, [server] { return run_reload(*server); }};
}

}  // namespace cli
