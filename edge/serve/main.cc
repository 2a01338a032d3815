// meridian-edge: the regional proxy. Wires the parts; what they do is in edge/serve/control/control.h.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "edge/load/world.h"
#include "edge/serve/control/control.h"
#include "shared/load/config.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/command_line.h"
#include "shared/serve/process/privileges.h"
#include "shared/serve/process/supervisor.h"

namespace {

// Before anything is built, so that all of it is read by who will read it again. A configuration that cannot be read is
// complained of when it is loaded.
shared::Result<void> give_up_privileges(const edge::Options& options) {
  shared::load::Diagnostics unsaid;
  const auto config =
      shared::load::load_config(options.config, shared::load::settings_for(shared::load::Role::edge), unsaid);
  if (!config || unsaid.failed()) return {};
  const auto own = edge::find_own_edge(options, *config);
  if (!own) return {};
  const auto state = shared::load::edge_state_directory(*config, own->node);
  return shared::confine({config->user, config->system_calls, state});
}

int run(const edge::Options& options, const std::string& task, shared::Start start) {
  shared::Supervisor supervisor;
  if (const auto done = task == "check" ? shared::Result<void>() : give_up_privileges(options); !done) {
    std::fprintf(stderr, "meridian-edge: %s\n", done.error().message.c_str());
    return 1;
  }
  std::optional<shared::LogThread> log_thread;
  if (task != "check") log_thread.emplace();
  edge::Live live;
  std::random_device random;
  edge::WorldLoader loader(options, live, std::uint64_t{random()} << 32 | random());
  shared::load::Diagnostics diagnostics;
  auto world = loader.load({}, diagnostics);
  shared::log_text(diagnostics.render());
  if (!world) return 2;
  if (task == "check") return 0;
  edge::Control control(supervisor, loader, std::move(*world), start);
  if (const auto started = control.start(); !started) {
    std::fprintf(stderr, "meridian-edge: %s\n", started.error().message.c_str());
    return 1;
  }
  return supervisor.run();
}

}  // namespace

int main(int argc, char** argv) {
  shared::CommandLine line("meridian-edge",
                           "The regional proxy of Meridian: routes by host, path and tier, and heals.");
  const shared::Parser parser = line.parser();
  edge::Options options;
  options.version = MERIDIAN_VERSION;
  bool check = false;
  bool upgrade = false;
  parser.version(MERIDIAN_VERSION);
  parser.option("--config", options.config, "The service's configuration file").required();
  parser.option("--region", options.region, "The region that this edge is in");
  parser.option("--node", options.node, "This edge's address in the regions; needed where a region has several");
  parser.flag("--check", check, "Check the configuration and exit: 0 good, 2 bad");
  parser.flag("--upgrade", upgrade,
              "Take over from the server that runs on the same state directory, without refusing or cutting a "
              "connection; if none runs, just start");
  if (const auto status = line.parse(argc, argv)) return *status;
  return run(options, check ? "check" : "serve", upgrade ? shared::Start::upgrade : shared::Start::alone);
}
