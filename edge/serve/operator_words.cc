#include "edge/serve/operator_words.h"

#include <boost/json.hpp>

namespace edge {

namespace json = boost::json;
using shared::fail;

void OperatorWords::set(const Place& place, const ServerWord& word) {
  if (word == ServerWord()) {
    servers.erase(place);
  } else {
    servers[place] = word;
  }
}

ServerWord OperatorWords::of(const Place& place) const {
  const auto found = servers.find(place);
  return found == servers.end() ? ServerWord() : found->second;
}

std::map<OperatorWords::Place, std::uint16_t> OperatorWords::weights() const {
  std::map<Place, std::uint16_t> out;
  for (const auto& [place, word] : servers) {
    if (word.weight) out.emplace(place, *word.weight);
  }
  return out;
}

void OperatorWords::apply(const Pools& pools, Live& live) const {
  for (const Pool& pool : pools.all()) {
    for (const Server& server : pool.servers) {
      const bool drains = of({pool.name, server.name}).draining;
      ServerState& state = live.server(server.id).state;
      if (state.draining() != drains) state.set_draining(drains);
    }
  }
}

std::string OperatorWords::to_json() const {
  json::array list;
  for (const auto& [place, word] : servers) {
    json::object one{{"pool", place.first}, {"server", place.second}, {"draining", word.draining}};
    if (word.weight) one["weight"] = *word.weight;
    list.emplace_back(std::move(one));
  }
  return json::serialize(json::object{{"draining", draining}, {"servers", std::move(list)}}) + "\n";
}

shared::Result<OperatorWords> OperatorWords::parse(std::string_view text) {
  json::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return fail("it is not a JSON object");
  OperatorWords words;
  const json::object& object = document.get_object();
  const json::value* const draining = object.if_contains("draining");
  words.draining = draining != nullptr && draining->is_bool() && draining->get_bool();
  const json::value* const list = object.if_contains("servers");
  if (list == nullptr || !list->is_array()) return fail("it has no list 'servers'");
  for (const json::value& element : list->get_array()) {
    const json::object* const one = element.if_object();
    const auto text_at = [&](std::string_view key) -> const json::string* {
      const json::value* const value = one == nullptr ? nullptr : one->if_contains(key);
      return value == nullptr ? nullptr : value->if_string();
    };
    const json::string* const pool = text_at("pool");
    const json::string* const server = text_at("server");
    if (pool == nullptr || server == nullptr) return fail("it has a server without a name");
    ServerWord word;
    const json::value* const drains = one->if_contains("draining");
    word.draining = drains != nullptr && drains->is_bool() && drains->get_bool();
    const json::value* const weight = one->if_contains("weight");
    const std::int64_t value = weight != nullptr && weight->is_int64() ? weight->get_int64() : 0;
    if (value >= 1 && value <= kMaxWeight) word.weight = static_cast<std::uint16_t>(value);
    words.set({std::string(*pool), std::string(*server)}, word);
  }
  return words;
}

}  // namespace edge
