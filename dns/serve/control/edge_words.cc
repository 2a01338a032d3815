#include "dns/serve/control/edge_words.h"

#include <algorithm>
#include <string_view>

#include <boost/json.hpp>

namespace dns {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 4;
constexpr std::size_t kLongestName = 64;

json::object page_of(const shared::ProbeReport& report) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value page = json::parse(json::string_view(report.body.data(), report.body.size()), error, {}, options);
  return error || !page.is_object() ? json::object() : std::move(page.get_object());
}

// A name of the edge's configuration, or nothing.
std::string name_at(const json::object& page, std::string_view key) {
  const json::value* const value = page.if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().size() > kLongestName) return {};
  std::string name(value->get_string());
  const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
  return printable ? name : std::string();
}

std::string words_of(const json::object& page) {
  const std::string reason = name_at(page, "reason");
  const std::string pool = name_at(page, "pool");
  if (reason == "critical_pool_down" && !pool.empty()) return "critical pool " + pool + " is empty";
  if (reason == "all_pools_down") return "every pool is empty";
  return reason;
}

}  // namespace

bool says_draining(const shared::ProbeReport& report) {
  const bool answered =
      report.outcome == shared::ProbeOutcome::success || report.outcome == shared::ProbeOutcome::degraded;
  return answered && report.body.find("\"state\":\"draining\"") != std::string_view::npos;
}

std::string reason_of(const shared::ProbeReport& report) {
  if (says_draining(report)) return "draining";
  std::string reason(report.reason);
  if (reason.empty() || report.body.empty()) return reason;
  const std::string words = words_of(page_of(report));
  return words.empty() ? reason : reason + ": " + words;
}

}  // namespace dns
