#include "edge/load/route_key.h"

#include <algorithm>
#include <array>
#include <set>

#include "shared/load/values.h"

namespace edge {
namespace {

// Sorted, so that the order in which one writes a condition's alternatives makes no difference.
std::string joined(const std::set<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "|") + part;
  return out;
}

std::string named_conditions(const std::vector<NamedCondition>& conditions) {
  std::set<std::string> parts;
  for (const NamedCondition& condition : conditions) parts.insert(condition.name + ":" + condition.value.value_or("*"));
  return joined(parts);
}

std::string part(std::string_view key, const std::string& value) {
  return value.empty() ? std::string() : " " + std::string(key) + "=" + value;
}

}  // namespace

std::string_view method_name(http::Method method) {
  constexpr std::array<std::string_view, 10> kNames{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                    "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};
  return kNames[static_cast<std::size_t>(method)];
}

std::string route_place(const RouteConfig& route) {
  std::string path = route.path;
  const bool exact = path.front() == '=';
  while (!exact && path.size() > 1 && path.back() == '/') path.pop_back();
  return route.host + path;
}

std::string route_conditions(const RouteConfig& route) {
  std::set<std::string> tiers;
  std::set<std::string> methods;
  for (const auto& tier : route.tiers) tiers.insert(tier.value);
  for (const http::Method method : route.methods) methods.emplace(method_name(method));
  std::string out = part("tier", joined(tiers)) + part("method", joined(methods));
  out += part("header", named_conditions(route.headers)) + part("cookie", named_conditions(route.cookies));
  if (route.share) out += part("share", shared::load::print_number(*route.share) + "%");
  return out;
}

std::string route_name(const RouteConfig& route) {
  return route.name.empty() ? route_place(route) + route_conditions(route) : route.name;
}

std::size_t route_depth(const RouteConfig& route) {
  const auto slashes = static_cast<std::size_t>(std::count(route.path.begin(), route.path.end(), '/'));
  return route.path.back() == '/' ? slashes - 1 : slashes;
}

}  // namespace edge
