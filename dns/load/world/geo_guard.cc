#include "dns/load/world/geo_guard.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

namespace dns {

namespace {

constexpr std::size_t kFlowsTold = 3;

// The tables of the present policies over the next database; those of the next configuration where the present one
// cannot be used with it (it names subdivisions, the database has none).
std::shared_ptr<const PolicyTables> tables_over(const World& before, const World& next) {
  shared::load::Diagnostics unheard;
  PolicyInput input{{next.geo->database, next.systems}};
  input.accepted = places_in(before.policies->spec());
  auto tables = build_policies(before.config.steering(), before.common, input, unheard);
  return tables != nullptr ? tables : next.policies;
}

std::shared_ptr<const AnswerSets> answers_over(const PolicyTables& tables, const HealthView& health) {
  const auto& regions = tables.spec().regions;
  const bool fits = health.regions.size() == regions.size() &&
                    std::ranges::equal(health.regions, regions, [](const RegionView& view, const Region& region) {
                      return view.edges.size() == region.edges.size();
                    });
  return AnswerSets::build(tables, fits ? health : HealthView::all_up(regions));
}

std::uint64_t count_of(std::span<const GivenAnswer> given) {
  std::uint64_t count = 0;
  for (const GivenAnswer& answer : given) count += answer.count;
  return count;
}

}  // namespace

std::string print_share(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

std::string describe_flows(const MoveReport& report) {
  std::map<std::pair<std::string, std::string>, double> sums;
  for (const NameMoves& name : report.names) {
    for (const Flow& flow : name.flows) sums[{flow.from, flow.to}] += flow.share * name.weight;
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [ends, weight] : sums) order.emplace_back(weight, ends.first + " -> " + ends.second);
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), kFlowsTold); ++i) {
    text += (i == 0 ? "" : ", ") + order[i].second + " " + print_share(order[i].first / report.weight);
  }
  return text;
}

std::string guard_advice(const GeoVerdict& verdict, const GuardConfig& guard) {
  return verdict.text + "; dns.geo.guard allows " + print_share(guard.share / 100) +
         ": look at it with `meridian geo diff`, then take it with `meridian reload --force-geo`, or put the old file "
         "back";
}

GeoVerdict judge_geo(const World& before, const AnswerSets& answers, const World& next,
                     std::span<const GivenAnswer> given) {
  GeoVerdict verdict;
  const GuardConfig& guard = next.config.geo.guard;
  const bool same = before.geo == next.geo;
  if (same || guard.mode == shared::Mode::disabled || before.geo->path.empty() || next.geo->path.empty())
    return verdict;
  if (before.policies->spec().names.empty()) return verdict;
  const auto tables = tables_over(before, next);
  const auto next_answers = answers_over(*tables, answers.health());
  const Side side_before{before.policies.get(), &answers};
  const Side side_after{tables.get(), next_answers.get()};
  verdict.by_answers = count_of(given) >= kFewAnswers;
  const MoveReport report =
      verdict.by_answers ? moves_of_answers(side_before, side_after, given) : moves_of_space(side_before, side_after);
  verdict.judged = true;
  verdict.moved = report.moved;
  verdict.too_much = report.moved * 100 > guard.share;
  verdict.text = "the new geo database " + next.geo->path.string() + " would move " + print_share(report.moved) +
                 (verdict.by_answers ? " of the answers that were given lately" : " of the IPv4 addresses");
  if (report.moved > 0) verdict.text += ": " + describe_flows(report);
  return verdict;
}

}  // namespace dns
