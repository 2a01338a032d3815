#include "cli/config_reference.h"

#include "cli/reference.h"

namespace cli {

Command config_reference_command(shared::Parser parent) {
  const auto parser = parent.command("config-reference", "Print the reference of all options, as Markdown");
  parser.footer("Example: meridian config-reference > docs/configuration.md");
  return {parser, [] {
            print(configuration_reference());
            return Exit::ok;
          }};
}

}  // namespace cli
