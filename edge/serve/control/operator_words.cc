#include "edge/serve/control/operator_words.h"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>

#include "shared/serve/os/utc.h"

namespace edge {

namespace json = boost::json;
using shared::fail;

void OperatorWords::set(const ServerKey& place, const ServerWord& word) {
  if (word == ServerWord()) {
    servers.erase(place);
  } else {
    servers[place] = word;
  }
}

ServerWord OperatorWords::of(const ServerKey& place) const {
  const auto found = servers.find(place);
  return found == servers.end() ? ServerWord() : found->second;
}

std::map<OperatorWords::ServerKey, std::uint16_t> OperatorWords::weights() const {
  std::map<ServerKey, std::uint16_t> out;
  for (const auto& [place, word] : servers) {
    if (word.weight) out.emplace(place, word.weight->weight);
  }
  return out;
}

void OperatorWords::apply(const Pools& pools, Live& live) const {
  for (const Pool& pool : pools.all()) {
    for (const Server& server : pool.servers) {
      const bool drains = of({pool.name, server.name}).drain.has_value();
      ServerState& state = live.server(server.id).state;
      if (state.draining() != drains) state.set_draining(drains);
    }
  }
}

std::optional<shared::WallTime> OperatorWords::next_expiry() const {
  std::optional<shared::WallTime> next;
  const auto look = [&next](const OperatorWord& word) {
    if (word.expires && (!next || *word.expires < *next)) next = word.expires;
  };
  if (drain) look(*drain);
  for (const auto& [place, word] : servers) {
    if (word.drain) look(*word.drain);
    if (word.weight) look(word.weight->word);
  }
  return next;
}

std::vector<OperatorWords::Ended> OperatorWords::expire(shared::WallTime now) {
  const auto over = [now](const OperatorWord& word) { return word.expires && *word.expires <= now; };
  std::vector<Ended> ended;
  if (drain && over(*drain)) {
    drain.reset();
    ended.push_back({Ended::What::edge_drain, {}});
  }
  const auto words = servers;
  for (const auto& [place, before] : words) {
    ServerWord word = before;
    if (word.drain && over(*word.drain)) {
      word.drain.reset();
      ended.push_back({Ended::What::server_drain, place});
    }
    if (word.weight && over(word.weight->word)) {
      word.weight.reset();
      ended.push_back({Ended::What::server_weight, place});
    }
    set(place, word);
  }
  return ended;
}

namespace {

std::int64_t unix_seconds(shared::WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

json::object to_object(const OperatorWord& word) {
  json::object object{{"reason", word.reason}, {"since", unix_seconds(word.since)}};
  if (word.expires) object["expires"] = unix_seconds(*word.expires);
  return object;
}

std::optional<shared::WallTime> time_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return shared::WallTime(std::chrono::seconds(value->get_int64()));
}

// Empty in files of earlier versions, which did not keep it.
OperatorWord word_at(const json::object& object, std::string_view key) {
  OperatorWord word;
  const json::value* const more = object.if_contains(key);
  if (more == nullptr || !more->is_object()) return word;
  const json::object& said = more->get_object();
  const json::value* const reason = said.if_contains("reason");
  if (reason != nullptr && reason->is_string()) word.reason = std::string(reason->get_string());
  word.since = time_at(said, "since").value_or(shared::WallTime{});
  word.expires = time_at(said, "expires");
  return word;
}

// {"draining": true, "drain": {...}}
std::optional<OperatorWord> drain_of(const json::object& object) {
  const json::value* const drains = object.if_contains("draining");
  if (drains == nullptr || !drains->is_bool() || !drains->get_bool()) return std::nullopt;
  return word_at(object, "drain");
}

// {"weight": 50, "weight_word": {...}}; nothing for a weight that no option allows.
std::optional<WeightWord> weight_of(const json::object& object) {
  const json::value* const weight = object.if_contains("weight");
  const std::int64_t value = weight != nullptr && weight->is_int64() ? weight->get_int64() : 0;
  if (value < 1 || value > kMaxWeight) return std::nullopt;
  return WeightWord{.weight = static_cast<std::uint16_t>(value), .word = word_at(object, "weight_word")};
}

void put_drain(json::object& object, const std::optional<OperatorWord>& drain) {
  object["draining"] = drain.has_value();
  if (drain) object["drain"] = to_object(*drain);
}

void show(json::object& object, const OperatorWord& word, shared::WallTime now) {
  object["reason"] = word.reason;
  object["since"] = shared::utc(word.since);
  if (word.expires)
    object["expires_in_seconds"] = std::max<std::int64_t>(0, unix_seconds(*word.expires) - unix_seconds(now));
}

}  // namespace

json::object override_json(const OperatorWord& drain, shared::WallTime now) {
  json::object object{{"state", "drained"}};
  show(object, drain, now);
  return object;
}

json::object override_json(const WeightWord& weight, shared::WallTime now) {
  json::object object{{"weight", weight.weight}};
  show(object, weight.word, now);
  return object;
}

std::string OperatorWords::to_json() const {
  json::array list;
  for (const auto& [place, word] : servers) {
    json::object one{{"pool", place.first}, {"server", place.second}};
    put_drain(one, word.drain);
    if (word.weight) {
      one["weight"] = word.weight->weight;
      one["weight_word"] = to_object(word.weight->word);
    }
    list.emplace_back(std::move(one));
  }
  json::object all;
  put_drain(all, drain);
  all["servers"] = std::move(list);
  return json::serialize(all) + "\n";
}

shared::Result<OperatorWords> OperatorWords::parse(std::string_view text) {
  json::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return fail("it is not a JSON object");
  OperatorWords words;
  const json::object& object = document.get_object();
  words.drain = drain_of(object);
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
    word.drain = drain_of(*one);
    word.weight = weight_of(*one);
    words.set({std::string(*pool), std::string(*server)}, word);
  }
  return words;
}

}  // namespace edge
