// The field table of how many servers a pool shall have.

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;
using std::chrono::hours;

void check_autoscale(const ScaleSettings& scale, const Node& node, Diagnostics& diagnostics) {
  if (scale.max < scale.min) diagnostics.error(node.at, "autoscale: max is less than min");
  if (!scale.cpu && !scale.in_flight) {
    diagnostics.error(node.at, "autoscale: say what it aims at: cpu: 70, in_flight: 1000, or both");
  }
  if (scale.cpu_field.find("..") != std::string::npos || scale.cpu_field.starts_with('.') ||
      scale.cpu_field.ends_with('.')) {
    diagnostics.error(node.find("cpu_field")->at, "cpu_field: expected NAME or PATH.TO.NAME");
  }
  const Node* field = node.find("cpu_field");
  if (field != nullptr && !scale.cpu) diagnostics.error(field->key_at, "cpu_field has no effect without `cpu`");
}

// Durations are kept in milliseconds.
Reader<milliseconds> span(shared::Duration most) {
  auto wide = duration(milliseconds(0), most);
  auto read = [inner = wide.read](const Node& node, Diagnostics& diagnostics) -> std::optional<milliseconds> {
    const auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return std::chrono::ceil<milliseconds>(*value);
  };
  return Reader<milliseconds>{wide.type, std::move(read),
                              [](const milliseconds& value) { return print_duration(value); }};
}

}  // namespace

const Table<ScaleSettings>& autoscale_table() {
  static const auto table =
      Table<ScaleSettings>("edge.pools.NAME.autoscale",
                           "How many servers the pool shall have in each region. See docs/scaling.md.")
          .required("mode", &ScaleSettings::mode,
                    one_of<ScaleMode>({{"dry_run", ScaleMode::dry_run}, {"on", ScaleMode::on}}),
                    "dry_run: it is only told, in /status and metrics (begin with that); on: `edge.scaler` is told")
          .required("min", &ScaleSettings::min, integer<std::uint32_t>(1, 10000), "Never fewer")
          .required("max", &ScaleSettings::max, integer<std::uint32_t>(1, 10000), "Never more")
          .field("cpu", &ScaleSettings::cpu, optional_of(number(1, 100)),
                 "Percent that the servers' mean shall be at most; under half of it they are too many")
          .field("cpu_field", &ScaleSettings::cpu_field, text(),
                 "The number in the JSON answer of a check that says it: NAME or PATH.TO.NAME")
          .field(
              "in_flight", &ScaleSettings::in_flight, optional_of(number(0.1, 1'000'000)),
              "Requests and connections at a time that each server shall have at most, from all edges of the region; "
              "under 0.3 of it they are too many")
          .field("start_time", &ScaleSettings::start_time, span(hours(1)),
                 "From a call to the new server's first request: growth is reckoned so far ahead")
          .field("window", &ScaleSettings::window, span(hours(24)), "So long they must be too many before some go")
          .field("up_cooldown", &ScaleSettings::up_cooldown, span(hours(1)), "From one change to a next call for more")
          .field("down_cooldown", &ScaleSettings::down_cooldown, span(hours(24)), "From any change until some may go")
          .check(check_autoscale);
  return table;
}

}  // namespace edge
