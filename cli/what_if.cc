#include "cli/what_if.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/moves.h"
#include "dns/core/steer/answer_sets.h"
#include "shared/load/nearest.h"

namespace cli {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> down;
  MovesOptions moves;
};

shared::Result<void> take_down(const std::vector<dns::Region>& regions, const std::string& name,
                               dns::HealthView& view) {
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (regions[i].name != name) continue;
    std::ranges::fill(view.regions[i].edges, dns::EdgeState::down);
    return {};
  }
  std::vector<std::string_view> names;
  for (const dns::Region& known : regions) names.push_back(known.name);
  return shared::fail("--down: unknown region '" + name + "'" + shared::load::suggestion(name, names));
}

Exit report(const dns::World& world, const Options& options, const std::optional<Given>& given) {
  const auto regions = dns::regions_of(world.common);
  const dns::HealthView now = health_of(regions, given);
  dns::HealthView then = now;
  std::string change;
  for (const std::string& name : options.down) {
    if (const auto done = take_down(regions, name, then); !done) return complain(Exit::invalid, done.error().message);
    change += (change.empty() ? "" : " and ") + name;
  }
  change += options.down.size() == 1 ? " were down" : " were all down";
  const auto before = dns::AnswerSets::build(*world.policies, now);
  const auto after = dns::AnswerSets::build(*world.policies, std::move(then));
  return print_moves({world.policies.get(), before.get()}, {world.policies.get(), after.get()}, given, change,
                     options.moves);
}

Exit run_what_if(const Options& options) {
  const auto world = load_or_complain(options.file);
  if (!world) return Exit::invalid;
  return report_each(options.moves, options.file,
                     [&](const std::optional<Given>& given) { return report(*world, options, given); });
}

}  // namespace

Command what_if_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("what-if", "Show where answers would go if a region were down");
  parser.option("FILE", options->file, "The configuration").required();
  parser.option("--down", options->down, "This region; may be repeated").required().one_each();
  add_moves_options(parser, options->moves);
  parser.footer(
      "Where no server is asked every address counts the same and every region is up but those named.\n"
      "Example: meridian what-if /etc/meridian/meridian.yaml --down us-east");
  return {parser, [options] { return run_what_if(*options); }};
}

}  // namespace cli
