#include "cli/logs.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/servers.h"

namespace cli {
namespace {

Exit run_reopen(const ServerOptions& servers) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/logs/reopen";
  return ask_each(servers, Role::any, call);
}

}  // namespace

Command logs_command(CLI::App& parent) {
  auto servers = std::make_shared<ServerOptions>();
  auto* app = parent.add_subcommand("logs", "Log files of running servers");
  app->require_subcommand(1);
  auto* reopen = app->add_subcommand("reopen", "Open the access log again, after its file was moved away");
  add_server_options(*reopen, *servers, FileAs::argument);
  reopen->footer(
      "As SIGUSR1 does; whatever the configuration looks like meanwhile.\n"
      "Example: meridian logs reopen /etc/meridian/meridian.yaml");
  return {app, [servers] { return run_reopen(*servers); }};
}

}  // namespace cli
