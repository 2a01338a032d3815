#include "edge/serve/request/hints.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "edge/core/cache/cache_key.h"
#include "edge/core/cache/learned_hints.h"
#include "edge/serve/request/request.h"

namespace edge {
namespace {

// Whose answers have the same links: the URL as servers are asked for it, and what else leads to one server or another.
std::string source_of(const Request& r) {
  static const CacheRule kAll;
  std::string url;
  const CacheRule* const rule = r.found().route->cache.get();
  append_cache_url(rule != nullptr ? *rule : kAll, r.found().target, url);
  url.append("\n").append(r.found().route->name).append("\n").append(r.snapshot->tiers->name(r.found().tier));
  return url;
}

void tell(Request& r, const std::vector<std::string>& links, const std::vector<std::string>& told) {
  const auto hints = std::make_unique<http::ResponseHead>();
  hints->status = 103;
  for (const std::string& link : links) {
    if (std::ranges::find(told, link) != told.end()) continue;
    if (!hints->fields.push({.name = "Link", .value = link, .id = http::FieldId::other})) break;
  }
  if (hints->fields.size() == 0) return;
  r.exchange.sink.interim(*hints);
  r.context.counters.early_hints.add();
}

}  // namespace

void HintLearner::hear(const http::ResponseHead& head) {
  r_.context.hints.learn(source_of(r_), links_to_hint(r_.asked.head->fields, head), r_.now());
}

bool takes_hints(const Request& r) {
  return r.asked.has_client() && r.asked.head->method == http::Method::get && r.asked.protocol.starts_with("HTTP/2");
}

void tell_hints(Request& r) {
  if (takes_hints(r)) tell(r, r.found().route->early_hints, {});
}

void tell_learned_hints(Request& r) {
  if (!takes_hints(r)) return;
  const std::vector<std::string>* const links = r.context.hints.find(source_of(r), r.now());
  if (links != nullptr) tell(r, *links, r.found().route->early_hints);
}

}  // namespace edge
