#include "dns/serve/control/steering_state.h"

#include <chrono>
#include <utility>

#include <boost/json.hpp>

namespace dns {

namespace json = boost::json;
using shared::fail;
using shared::Result;

namespace {

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t seconds_of(shared::WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<shared::WallTime> time_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return shared::WallTime(std::chrono::seconds(value->get_int64()));
}

std::optional<shared::HealthState> parse_health_state(std::string_view text) {
  if (text == "up") return shared::HealthState::up;
  if (text == "down") return shared::HealthState::down;
  if (text == "unknown") return shared::HealthState::unknown;
  return std::nullopt;
}

// The list under `key`; an error if the text is not what we write.
Result<json::array> read_list(std::string_view text, std::string_view key) {
  json::error_code error;
  const json::value document = json::parse(text, error);
  if (error) return fail("it is not JSON: " + error.message());
  if (!document.is_object()) return fail("it is not a JSON object");
  const json::value* const list = document.get_object().if_contains(key);
  if (list == nullptr || !list->is_array()) return fail("it has no list '" + std::string(key) + "'");
  for (const json::value& element : list->get_array()) {
    if (!element.is_object()) return fail("'" + std::string(key) + "' holds something that is no object");
  }
  return list->get_array();
}

Result<NamedOverride> read_override(const json::object& object) {
  NamedOverride out;
  out.region = text_of(object, "region");
  out.reason = text_of(object, "reason");
  const auto state = parse_override_state(text_of(object, "state"));
  if (out.region.empty() || !state) return fail("an override without a region or a state");
  out.state = *state;
  if (object.contains("edge")) {
    out.edge = shared::IpAddress::parse(text_of(object, "edge"));
    if (!out.edge) return fail("an override of '" + text_of(object, "edge") + "', which is no address");
  }
  out.expires = time_of(object, "expires");
  out.since = time_of(object, "since");
  return out;
}

}  // namespace

std::string write_health(const std::vector<PersistedEdge>& edges) {
  json::array list;
  for (const PersistedEdge& edge : edges) {
    list.push_back({{"region", edge.region}, {"address", edge.address.to_string()}, {"state", to_string(edge.state)}});
  }
  return json::serialize(json::object{{"edges", std::move(list)}}) + "\n";
}

Result<std::vector<PersistedEdge>> read_health(std::string_view text) {
  const auto list = read_list(text, "edges");
  if (!list) return fail(list.error().message);
  std::vector<PersistedEdge> edges;
  for (const json::value& element : *list) {
    const json::object& object = element.get_object();
    const auto address = shared::IpAddress::parse(text_of(object, "address"));
    const auto state = parse_health_state(text_of(object, "state"));
    if (!address || !state) return fail("an edge without an address or a state");
    edges.push_back({text_of(object, "region"), *address, *state});
  }
  return edges;
}

std::string write_overrides(const std::vector<NamedOverride>& overrides) {
  json::array list;
  for (const NamedOverride& word : overrides) {
    json::object object{{"region", word.region}, {"state", to_string(word.state)}, {"reason", word.reason}};
    if (word.edge) object["edge"] = word.edge->to_string();
    if (word.expires) {
      object["expires"] = seconds_of(*word.expires);
    }
    if (word.since) object["since"] = seconds_of(*word.since);
    list.push_back(std::move(object));
  }
  return json::serialize(json::object{{"overrides", std::move(list)}}) + "\n";
}

Result<std::vector<NamedOverride>> read_overrides(std::string_view text) {
  const auto list = read_list(text, "overrides");
  if (!list) return fail(list.error().message);
  std::vector<NamedOverride> overrides;
  for (const json::value& element : *list) {
    auto word = read_override(element.get_object());
    if (!word) return fail(word.error().message);
    overrides.push_back(std::move(*word));
  }
  return overrides;
}

}  // namespace dns
