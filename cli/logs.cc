#include "cli/logs.h"

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

Command logs_command(shared::Parser parent) {
  auto servers = std::make_shared<ServerOptions>();
  const auto parser = parent.command("logs", "Log files of running servers");
  parser.require_command();
  const auto reopen = parser.command("reopen", "Open the access log again, after its file was moved away");
  add_server_options(reopen, *servers, FileAs::argument);
  reopen.footer(
      "As SIGUSR1 does; whatever the configuration looks like meanwhile.\n"
      "Example: meridian logs reopen /etc/meridian/meridian.yaml");
  return {parser, [servers] { return run_reopen(*servers); }};
}

}  // namespace cli
