#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "cli/cache.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/config_reference.h"
#include "cli/config_schema.h"
#include "cli/diff.h"
#include "cli/explain.h"
#include "cli/geo.h"
#include "cli/import.h"
#include "cli/init.h"
#include "cli/logs.h"
#include "cli/override.h"
#include "cli/reload.h"
#include "cli/rollback.h"
#include "cli/server_word.h"
#include "cli/status.h"
#include "cli/what_if.h"
#include "cli/zone_check.h"

namespace cli {
namespace {

Exit run_chosen(const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return Exit::invalid;
}

}  // namespace

int run(int argc, const char* const* argv, const char* version) {
  CLI::App app("The operator's hand of Meridian: checks, explains, shows and steers.", "meridian");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 done; 1 could not be done; 2 wrong command line or configuration.\n"
      "meridian COMMAND --help shows an example of each.");
  const std::vector<Command> commands = {init_command(app),          check_command(app),
                                         explain_command(app),       status_command(app),
                                         reload_command(app),        drain_command(app),
                                         undrain_command(app),       enable_command(app),
                                         weight_command(app),        cache_command(app),
                                         geo_command(app),           what_if_command(app),
                                         diff_command(app),          config_reference_command(app),
                                         config_schema_command(app), logs_command(app),
                                         zone_command(app),          rollback_command(app),
                                         import_command(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? static_cast<int>(Exit::ok) : static_cast<int>(Exit::invalid);
  }
  return static_cast<int>(run_chosen(commands));
}

}  // namespace cli
