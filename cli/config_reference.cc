#include "cli/config_reference.h"

#include <CLI/CLI.hpp>

#include "cli/reference.h"

namespace cli {

Command config_reference_command(CLI::App& parent) {
  auto* app = parent.add_subcommand("config-reference", "Print the reference of all options, as Markdown");
  app->footer("Example: meridian config-reference > docs/configuration.md");
  return {app, [] {
            print(configuration_reference());
            return Exit::ok;
          }};
}

}  // namespace cli
