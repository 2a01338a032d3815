#include "cli/app.h"

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
    if (command.parser.said()) return command.run();
  }
  return Exit::invalid;
}

}  // namespace

int run(int argc, const char* const* argv, const char* version) {
  shared::CommandLine line("meridian", "The operator's hand of Meridian: checks, explains, shows and steers.");
  const shared::Parser parser = line.parser();
  parser.version(version);
  parser.require_command();
  parser.footer(
      "Exit status: 0 done; 1 could not be done; 2 wrong command line or configuration.\n"
      "meridian COMMAND --help shows an example of each.");
  const std::vector<Command> commands = {init_command(parser),          check_command(parser),
                                         explain_command(parser),       status_command(parser),
                                         reload_command(parser),        drain_command(parser),
                                         undrain_command(parser),       enable_command(parser),
                                         weight_command(parser),        cache_command(parser),
                                         geo_command(parser),           what_if_command(parser),
                                         diff_command(parser),          config_reference_command(parser),
                                         config_schema_command(parser), logs_command(parser),
                                         zone_command(parser),          rollback_command(parser),
                                         import_command(parser)};
  if (const auto status = line.parse(argc, argv)) return *status;
  return static_cast<int>(run_chosen(commands));
}

}  // namespace cli
