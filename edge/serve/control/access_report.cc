#include "edge/serve/control/access_report.h"

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "edge/core/access/access_list.h"
#include "edge/core/access/auth.h"
#include "shared/core/mode.h"

namespace edge {
namespace {

const AccessLists kNone;

const AccessLists& lists_of(const ReportSource& source) {
  return source.snapshot.access != nullptr ? *source.snapshot.access : kNone;
}

const AuthPolicies kNoPolicies;

const AuthPolicies& policies_of(const ReportSource& source) {
  return source.snapshot.auth != nullptr ? *source.snapshot.auth : kNoPolicies;
}

}  // namespace

void write_access_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(shared::MetricKind::counter, "meridian_edge_access_requests_total",
             "What access lists made of requests; shadowed: would have been denied.");
  constexpr std::pair<std::string_view, std::atomic<std::uint64_t> AccessLive::*> kRulings[] = {
      {"allowed", &AccessLive::allowed}, {"denied", &AccessLive::denied}, {"shadowed", &AccessLive::shadowed}};
  for (const auto& list : lists_of(source)) {
    for (const auto& [ruling, counter] : kRulings) {
      out.sample({{"list", list->name()}, {"ruling", ruling}}, (list->live().*counter).load(std::memory_order_relaxed));
    }
  }
  out.family(shared::MetricKind::counter, "meridian_edge_auth_requests_total",
             "Requests by how clients had to show who they are; shadowed: would have been refused.");
  constexpr std::pair<std::string_view, std::atomic<std::uint64_t> AuthLive::*> kEnds[] = {
      {"accepted", &AuthLive::accepted}, {"refused", &AuthLive::refused}, {"shadowed", &AuthLive::shadowed}};
  for (const auto& policy : policies_of(source)) {
    for (const auto& [ruling, counter] : kEnds) {
      out.sample({{"policy", policy->name()}, {"ruling", ruling}},
                 (policy->live().*counter).load(std::memory_order_relaxed));
    }
  }
}

boost::json::array auth_json(const ReportSource& source) {
  boost::json::array all;
  for (const auto& policy : policies_of(source)) {
    const AuthLive& live = policy->live();
    all.emplace_back(boost::json::object{{"name", policy->name()},
                                         {"mode", shared::name_of(policy->mode())},
                                         {"accepted", live.accepted.load(std::memory_order_relaxed)},
                                         {"refused", live.refused.load(std::memory_order_relaxed)},
                                         {"shadowed", live.shadowed.load(std::memory_order_relaxed)}});
  }
  return all;
}

boost::json::array access_json(const ReportSource& source) {
  boost::json::array all;
  for (const auto& list : lists_of(source)) {
    const AccessLive& live = list->live();
    all.emplace_back(boost::json::object{{"name", list->name()},
                                         {"mode", shared::name_of(list->mode())},
                                         {"networks", list->networks()},
                                         {"allowed", live.allowed.load(std::memory_order_relaxed)},
                                         {"denied", live.denied.load(std::memory_order_relaxed)},
                                         {"shadowed", live.shadowed.load(std::memory_order_relaxed)}});
  }
  return all;
}

}  // namespace edge
