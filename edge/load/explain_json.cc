#include "edge/load/explain_json.h"

#include <chrono>

#include <boost/json.hpp>

namespace edge {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

std::int64_t ms(shared::Duration span) { return std::chrono::ceil<shared::milliseconds>(span).count(); }

json::value limit_of(const Explanation& explanation) {
  if (!explanation.limit) return nullptr;
  const Explanation::Limit& limit = *explanation.limit;
  return json::object{{"name", limit.name},
                      {"refused", limit.refused},
                      {"remaining", limit.remaining},
                      {"wait_ms", ms(limit.wait)},
                      {"reset_ms", ms(limit.reset)}};
}

json::value cache_of(const Explanation& explanation) {
  if (!explanation.cache) return nullptr;
  const ForeseenCache& cache = *explanation.cache;
  return json::object{{"verdict", cache.verdict},
                      {"words", cache.words},
                      {"fresh_for", cache.fresh_for ? json::value(*cache.fresh_for) : json::value(nullptr)}};
}

json::object request_of(const ExplainedRequest& request) {
  json::array headers;
  for (const std::string& header : request.headers) headers.push_back(json::value(header));
  return {{"method", request.method}, {"scheme", text_or_null(request.scheme)}, {"host", request.host},
          {"path", request.path},     {"headers", std::move(headers)},          {"client", request.client.to_string()}};
}

}  // namespace

std::string to_json(const Explanation& explanation) {
  json::array why;
  for (const auto& [topic, text] : explanation.lines) why.push_back({{"topic", topic}, {"text", text}});
  const json::object document{
      {"edge", {{"region", explanation.region}, {"node", explanation.node}}},
      {"request", request_of(explanation.request)},
      {"why", std::move(why)},
      {"kind", explanation.kind},
      {"status", explanation.status == 0 ? json::value(nullptr) : json::value(explanation.status)},
      {"reason", text_or_null(explanation.reason)},
      {"client", text_or_null(explanation.client)},
      {"tier", text_or_null(explanation.tier)},
      {"route", text_or_null(explanation.route)},
      {"pool", text_or_null(explanation.pool)},
      {"server", text_or_null(explanation.server)},
      {"limit", limit_of(explanation)},
      {"cache", cache_of(explanation)},
      {"answer", explanation.answer}};
  return json::serialize(document) + "\n";
}

}  // namespace edge
