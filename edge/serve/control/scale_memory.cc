#include "edge/serve/control/scale_memory.h"

#include <utility>

#include <boost/json.hpp>

namespace edge {

namespace json = boost::json;

std::string ScaleMemory::to_json() const {
  json::object all;
  for (const auto& [name, pool] : pools) {
    all[name] = json::object{{"desired", pool.desired}, {"decided", pool.decided}, {"reason", pool.reason}};
  }
  return json::serialize(json::object{{"at", at}, {"pools", std::move(all)}});
}

shared::Result<ScaleMemory> ScaleMemory::parse(std::string_view text) {
  const auto wrong = [] { return shared::fail("not what an edge has written"); };
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr || !object->contains("at") || !object->contains("pools")) return wrong();
  const json::object* const all = object->at("pools").if_object();
  ScaleMemory memory;
  memory.at = object->at("at").to_number<std::int64_t>(error);
  if (error || all == nullptr) return wrong();
  for (const auto& [name, one] : *all) {
    const json::object* const pool = one.if_object();
    if (pool == nullptr || !pool->contains("desired") || !pool->contains("decided")) return wrong();
    const json::value* const reason = pool->if_contains("reason");
    if (reason == nullptr || !reason->is_string()) return wrong();
    Pool& out = memory.pools[std::string(name)];
    out.reason = std::string(reason->get_string());
    out.desired = pool->at("desired").to_number<std::uint32_t>(error);
    if (!error) out.decided = pool->at("decided").to_number<std::int64_t>(error);
    if (error) return wrong();
  }
  return memory;
}

}  // namespace edge
