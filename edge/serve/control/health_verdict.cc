#include "edge/serve/control/health_verdict.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

#include <boost/json.hpp>

namespace edge {
namespace {

namespace json = boost::json;
using shared::ProbeOutcome;

constexpr std::size_t kMaxDepth = 32;

std::string printed(double value) {
  std::array<char, 40> text{};
  const int n = std::snprintf(text.data(), text.size(), "%g", value);
  return {text.data(), static_cast<std::size_t>(n)};
}

const json::value* step_into(const json::value& at, const std::string& name) {
  if (const auto* object = at.if_object()) return object->if_contains(name);
  const auto* list = at.if_array();
  if (list == nullptr || name.empty() || name.size() > 9) return nullptr;
  std::size_t index = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return list->if_contains(index);
}

// A finite number at the rule's path; a key that has dots in itself is found as well.
std::optional<double> number_at(const json::value& document, const NumberRule& rule) {
  const json::value* at = nullptr;
  if (const auto* object = document.if_object()) at = object->if_contains(rule.name);
  if (at == nullptr) {
    at = &document;
    for (const std::string& name : rule.path) {
      at = step_into(*at, name);
      if (at == nullptr) return std::nullopt;
    }
  }
  if (!at->is_number()) return std::nullopt;
  json::error_code error;
  const double value = at->to_number<double>(error);
  if (error || !std::isfinite(value)) return std::nullopt;
  return value;
}

struct RuleResult {
  std::string broken;   // the first rule that holds
  std::string missing;  // the first number that is not there
};

RuleResult check_rules(const json::value& document, const std::vector<NumberRule>& rules) {
  RuleResult result;
  for (const NumberRule& rule : rules) {
    const auto value = number_at(document, rule);
    if (!value && result.missing.empty()) result.missing = "no number " + rule.name + " in the answer";
    if (value && result.broken.empty() && rule.holds(*value)) {
      result.broken = rule.name + " is " + printed(*value) + " (" + to_string(rule) + ")";
    }
  }
  return result;
}

std::optional<json::value> parse_body(std::string_view body) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value document = json::parse(json::string_view(body.data(), body.size()), error, {}, options);
  if (error) return std::nullopt;
  return document;
}

HealthVerdict judge_numbers(const HealthCheck& check, const HealthAnswer& answer) {
  if (!answer.complete || answer.body.size() > HealthCheck::kMaxBody) {
    return {ProbeOutcome::failure, "the body is over " + std::to_string(HealthCheck::kMaxBody / 1024) + " KiB"};
  }
  const auto document = parse_body(answer.body);
  if (!document) return {ProbeOutcome::failure, "the body is not JSON"};
  const RuleResult unhealthy = check_rules(*document, check.unhealthy_when);
  if (!unhealthy.broken.empty()) return {ProbeOutcome::failure, unhealthy.broken};
  const RuleResult degraded = check_rules(*document, check.degraded_when);
  if (!degraded.broken.empty()) return {ProbeOutcome::degraded, degraded.broken};
  if (!unhealthy.missing.empty()) return {ProbeOutcome::degraded, unhealthy.missing};
  if (!degraded.missing.empty()) return {ProbeOutcome::degraded, degraded.missing};
  return {};
}

}  // namespace

HealthVerdict judge_answer(const HealthCheck& check, const HealthAnswer& answer) {
  if (!contains(check.statuses, answer.status)) {
    return {ProbeOutcome::failure, "status " + std::to_string(answer.status)};
  }
  if (!check.contains.empty() && answer.body.find(check.contains) == std::string_view::npos) {
    return {ProbeOutcome::failure, "the body does not contain the text that was asked for"};
  }
  if (check.degraded_when.empty() && check.unhealthy_when.empty()) return {};
  return judge_numbers(check, answer);
}

std::optional<double> number_told(const HealthAnswer& answer, const NumberRule& rule) {
  if (!answer.complete || answer.body.size() > HealthCheck::kMaxBody) return std::nullopt;
  const auto document = parse_body(answer.body);
  return document ? number_at(*document, rule) : std::nullopt;
}

}  // namespace edge
