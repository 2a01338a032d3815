#include "dns/serve/control/edge_words.h"

#include <algorithm>
#include <string_view>

#include "shared/core/edge_report.h"

namespace dns {
namespace {

constexpr std::size_t kLongestTold = 64;

// A name as most are, or nothing: what stands here goes to logs and terminals.
std::string_view told(std::string_view name) {
  const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
  return printable && name.size() <= kLongestTold ? name : std::string_view();
}

std::string words_of(std::string_view body) {
  const auto page = shared::parse_edge_report(body);
  return page ? shared::words_of_reason(told(page->reason), told(page->pool)) : std::string();
}

}  // namespace

bool says_draining(const shared::ProbeReport& report) {
  const bool answered =
      report.outcome == shared::ProbeOutcome::success || report.outcome == shared::ProbeOutcome::degraded;
  if (!answered) return false;
  const auto page = shared::parse_edge_report(report.body);
  return page && page->state == shared::EdgeReport::State::draining;
}

std::string reason_of(const shared::ProbeReport& report) {
  if (says_draining(report)) return "draining";
  std::string reason(report.reason);
  if (reason.empty() || report.body.empty()) return reason;
  const std::string words = words_of(report.body);
  return words.empty() ? reason : reason + ": " + words;
}

}  // namespace dns
