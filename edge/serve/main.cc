// meridian-edge: the regional proxy. Wires the parts; what they do is in edge/serve/control.h.
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "edge/serve/control.h"
#include "edge/serve/world.h"
#include "shared/serve/log.h"
#include "shared/serve/supervisor.h"

namespace {

int run(const edge::Options& options, const std::string& task) {
  shared::Supervisor supervisor;
  edge::Live live;
  std::random_device random;
  edge::WorldMaker maker(options, live, std::uint64_t{random()} << 32 | random());
  shared::load::Diagnostics diagnostics;
  auto world = maker.make({}, diagnostics);
  std::fputs(diagnostics.render().c_str(), stderr);
  if (!world) return 2;
  if (task == "check") return 0;
  if (const auto level = shared::parse_level(to_string(world->config.log.level))) shared::set_log_level(*level);
  edge::Control control(supervisor, maker, std::move(*world));
  if (const auto started = control.start(); !started) {
    std::fprintf(stderr, "meridian-edge: %s\n", started.error().message.c_str());
    return 1;
  }
  for (const auto& where : control.listening()) {
    shared::log_event(shared::Level::info, "listening", {{"address", where.to_string()}});
  }
  shared::notify_ready();
  return supervisor.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The regional proxy of Meridian: routes by host, path and tier, and heals.", "meridian-edge");
  edge::Options options;
  bool check = false;
  app.set_version_flag("--version", MERIDIAN_VERSION);
  app.add_option("--config", options.config, "The service's configuration file")->required();
  app.add_option("--region", options.region, "The region that this edge is in");
  app.add_option("--node", options.node, "This edge's address in the regions; needed where a region has several");
  app.add_flag("--check", check, "Check the configuration and exit: 0 good, 2 bad");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : 2;
  }
  return run(options, check ? "check" : "serve");
}
