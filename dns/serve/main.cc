// meridian-dns: authoritative DNS that answers by the client's location and the regions' health. Wires, and nothing
// else.
#include <cstdio>
#include <string>
#include <utility>

#include "dns/load/world/world.h"
#include "dns/serve/control/control.h"
#include "dns/serve/control/start.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/command_line.h"

namespace {

constexpr int kFailed = 1;
constexpr int kBadConfiguration = 2;

// The Supervisor comes first: a signal that arrives while a large zone is read must wait, not kill.
int serve(const std::string& path, shared::load::NodeChoice node, shared::Start start, dns::Broken broken) {
  shared::Supervisor supervisor;
  dns::Starter starter(path, node, broken);
  if (const auto done = starter.confine(); !done) {
    shared::log_event(shared::Level::error, "start_failed", {{"reason", done.error().message}});
    return kFailed;
  }
  const shared::LogThread log_thread;
  auto world = starter.load();
  if (!world) return kBadConfiguration;
  node.name = world->common.node;  // for good, whatever addresses come and go
  const auto control =
      dns::Control::start(supervisor, {path, MERIDIAN_VERSION, start, node, starter.report()}, std::move(*world));
  if (!control) {
    shared::log_event(shared::Level::error, "start_failed", {{"reason", control.error().message}});
    return kFailed;
  }
  return supervisor.run();
}

int check(const std::string& path, const shared::load::NodeChoice& node) {
  shared::load::Diagnostics diagnostics;
  dns::LoadOptions options;
  options.node = node;
  const auto world = dns::load_world(path, diagnostics, options);
  std::fputs(diagnostics.render().c_str(), stderr);
  return world ? 0 : kBadConfiguration;
}

}  // namespace

int main(int argc, char** argv) {
  shared::CommandLine line(
      "meridian-dns", "Authoritative DNS server that answers by the client's location and by the regions' health.");
  const shared::Parser parser = line.parser();
  std::string path;
  shared::load::NodeChoice node{.name = {}, .is_own = shared::is_own_address};
  bool only_check = false;
  bool upgrade = false;
  bool refuse = false;
  parser.option("--config", path, "The configuration file").required();
  parser.option(
      "--node", node.name,
      "Which of dns.nodes this is; needed where the address of none of them is this machine's, or of several");
  parser.flag("--check", only_check, "Check the configuration and every file that it names, and exit");
  parser.flag("--upgrade", upgrade,
              "Take over from the server that runs on the same state directory, without losing a query; if none runs, "
              "just start");
  parser.flag("--no-last-good", refuse,
              "If anything is broken, do not start; otherwise the last good copy of it in the state directory serves");
  parser.version("meridian-dns " MERIDIAN_VERSION);
  parser.footer("Exit status: 0 after a clean stop, 1 if it cannot start, 2 if the configuration is wrong.");
  if (const auto status = line.parse(argc, argv)) return *status;
  if (only_check) return check(path, node);
  return serve(path, node, upgrade ? shared::Start::upgrade : shared::Start::alone,
               refuse ? dns::Broken::refuse : dns::Broken::last_good);
}
