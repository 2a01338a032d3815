#include "cli/diff.h"

#include <memory>
#include <string>

#include "cli/moves.h"
#include "dns/core/steer/answer_sets.h"

namespace cli {
namespace {

struct Options {
  std::string before;
  std::string after;
  MovesOptions moves;
};

Exit run_diff(const Options& options) {
  const auto before = load_or_complain(options.before);
  const auto after = load_or_complain(options.after);
  if (!before || !after) return Exit::invalid;
  return report_each(options.moves, options.before, [&](const std::optional<Given>& given) {
    const auto answers = [&](const dns::World& world) {
      return dns::AnswerSets::build(*world.policies, health_of(dns::regions_of(world.common), given));
    };
    const auto answers_before = answers(*before);
    const auto answers_after = answers(*after);
    return print_moves({before->policies.get(), answers_before.get()}, {after->policies.get(), answers_after.get()},
                       given, options.after + " took the place of " + options.before, options.moves);
  });
}

}  // namespace

Command diff_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("diff", "Show which answers another configuration would move");
  parser.option("OLD", options->before, "The configuration as it is").required();
  parser.option("NEW", options->after, "As it is to be").required();
  add_moves_options(parser, options->moves);
  parser.footer(
      "Answers of policy names by region; where no server is asked every address counts the same and every region is "
      "up.\n"
      "Example: meridian diff /etc/meridian/meridian.yaml new.yaml");
  return {parser, [options] { return run_diff(*options); }};
}

}  // namespace cli
