#include "cli/geo_diff.h"

#include <utility>

#include "dns/core/steer/answer_sets.h"
#include "dns/load/geo/mmdb.h"

namespace cli {
namespace {

// The policies of the configuration over this database.
shared::Result<std::shared_ptr<const dns::PolicyTables>> compile_over(const dns::World& world,
                                                                      const std::string& file) {
  auto database = dns::load_mmdb(file);
  if (!database) return shared::fail(database.error().message);
  shared::load::Diagnostics diagnostics;
  dns::PolicyInput input{{*std::move(database), world.systems}};
  input.accepted = dns::places_in(world.policies->spec());
  auto tables = dns::build_policies(world.config.steering(), world.common, input, diagnostics);
  if (tables != nullptr) return tables;
  return shared::fail("the policies cannot be used with " + file + ":\n" + diagnostics.render());
}

}  // namespace

Exit run_geo_diff(const GeoDiffOptions& options) {
  const auto world = load_or_complain(options.config);
  if (!world) return Exit::invalid;
  const auto before = compile_over(*world, options.before);
  if (!before) return complain(Exit::invalid, before.error().message);
  const auto after = compile_over(*world, options.after);
  if (!after) return complain(Exit::invalid, after.error().message);
  return report_each(options.moves, options.config, [&](const std::optional<Given>& given) {
    const dns::HealthView health = health_of(dns::regions_of(world->common), given);
    const auto answers_before = dns::AnswerSets::build(**before, health);
    const auto answers_after = dns::AnswerSets::build(**after, health);
    return print_moves({before->get(), answers_before.get()}, {after->get(), answers_after.get()}, given,
                       options.after + " took the place of " + options.before, options.moves);
  });
}

void add_geo_diff(shared::Parser geo, const std::shared_ptr<GeoDiffOptions>& options) {
  const auto diff = geo.command("diff", "Show which answers another database would move");
  diff.option("OLD", options->before, "A .mmdb file").required();
  diff.option("NEW", options->after, "The one that is to take its place").required();
  diff.option("--config", options->config, "The configuration whose policies are asked").required();
  add_moves_options(diff, options->moves);
  diff.footer(
      "Where no server is asked every address counts the same and every region is up.\n"
      "Example: meridian geo diff city.mmdb new.mmdb --config /etc/meridian/meridian.yaml");
}

}  // namespace cli
