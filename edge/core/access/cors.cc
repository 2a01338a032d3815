#include "edge/core/access/cors.h"

#include <algorithm>

namespace edge {
namespace {

constexpr std::string_view kOrigin = "Origin";

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all.append(all.empty() ? "" : ", ").append(word);
  return all;
}

void set(HeaderRules& rules, const char* name, const std::string& value) {
  if (!value.empty()) rules.apply({.op = HeaderRule::Op::set, .name = name, .value = value});
}

void remove(HeaderRules& rules, const char* name) {
  rules.apply({.op = HeaderRule::Op::remove, .name = name, .value = {}});
}

// What a server says of these itself would contradict, or be there twice, which browsers refuse.
void take_over(HeaderRules& rules) {
  for (const char* name :
       {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
        "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"}) {
    remove(rules, name);
  }
}

void allow(HeaderRules& rules, const CorsSettings& settings, const std::string& origin) {
  set(rules, "Access-Control-Allow-Origin", origin);
  if (settings.credentials && origin != "*") set(rules, "Access-Control-Allow-Credentials", "true");
}

}  // namespace

Cors::Cors(const CorsSettings& settings, const HeaderRules& rules) {
  others_.rules = rules;
  take_over(others_.rules);
  const bool any = std::ranges::find(settings.origins, "*") != settings.origins.end();
  // Caches must not give the answer for one origin to another one.
  if (!any) others_.rules.apply({.op = HeaderRule::Op::add, .name = "Vary", .value = "Origin"});
  others_.preflight = others_.rules;
  const auto make = [&](const std::string& text) {
    Origin origin{text, others_.rules, others_.preflight};
    allow(origin.rules, settings, text);
    set(origin.rules, "Access-Control-Expose-Headers", joined(settings.expose));
    allow(origin.preflight, settings, text);
    set(origin.preflight, "Access-Control-Allow-Methods", joined(settings.methods));
    set(origin.preflight, "Access-Control-Allow-Headers", joined(settings.headers));
    set(origin.preflight, "Access-Control-Max-Age", std::to_string(settings.max_age.count()));
    return origin;
  };
  for (const std::string& text : settings.origins) {
    if (text != "*") origins_.push_back(make(text));
  }
  if (any) others_ = make("*");
}

const Cors::Origin& Cors::find(const http::FieldList& fields) const {
  const http::Field* origin = fields.find(kOrigin);
  if (origin == nullptr) return others_;
  for (const Origin& known : origins_) {
    if (known.text == origin->value) return known;
  }
  return others_;
}

const HeaderRules& Cors::rules_for(const http::FieldList& fields) const { return find(fields).rules; }
const HeaderRules& Cors::preflight_rules_for(const http::FieldList& fields) const { return find(fields).preflight; }

bool is_preflight(http::Method method, const http::FieldList& fields) {
  return method == http::Method::options && fields.find(kOrigin) != nullptr &&
         fields.find("Access-Control-Request-Method") != nullptr;
}

}  // namespace edge
