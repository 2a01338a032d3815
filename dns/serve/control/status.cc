// /status: what a person, or `meridian status`, wants to see of a running server.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "dns/serve/control/explain_facts.h"
#include "dns/serve/control/report.h"

namespace dns {

namespace json = boost::json;

namespace {

std::string_view word_of(AliasAnswer::State state) {
  switch (state) {
    case AliasAnswer::State::unknown:
      return "unknown";
    case AliasAnswer::State::fresh:
      return "fresh";
    case AliasAnswer::State::stale:
      return "stale";
  }
  return "";
}

// The best of its edges.
EdgeState state_of(const RegionView& region) {
  EdgeState best = EdgeState::down;
  for (const EdgeState edge : region.edges) best = std::min(best, edge);
  return best;
}

json::value override_of(const std::optional<Override>& word) {
  if (!word) return nullptr;
  json::object object{{"state", to_string(word->state)}, {"reason", word->reason}};
  if (word->since) object["since"] = utc(wall_time(*word->since));
  if (word->expires) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(*word->expires - shared::Clock::now());
    object["expires_in_seconds"] = left.count();
  }
  return object;
}

// How sure it is, and what comes next.
json::object outlook_of(const SteeringControl& steering, EdgeId edge) {
  const RegionHealth& health = steering.health();
  const ProbedEdge& probed = health.edge(edge);
  const bool down = probed.machine().state() == shared::HealthState::down;
  const auto now = shared::Clock::now();
  const auto next = steering.next_probe(edge);
  const auto held_until = probed.hold_down().until(now);
  const auto milliseconds_to = [now](const std::optional<shared::TimePoint>& time) {
    return time ? std::max<std::int64_t>(0, std::chrono::ceil<shared::milliseconds>(*time - now).count()) : 0;
  };
  return {{"verified", probed.machine().verified()},
          {"against", probed.machine().against()},
          {"against_needed", down ? health.settings().edge.rise : health.settings().edge.fall},
          {"next_probe_in_ms", milliseconds_to(next)},
          {"falls_lately", probed.hold_down().falls(now, health.settings().hold_down)},
          {"held_down_for_ms", milliseconds_to(held_until)},
          {"as_before_the_silence", probed.kept()}};
}

json::array edges_of(const SteeringControl& steering, RegionId id) {
  const RegionHealth& health = steering.health();
  const Region& region = health.regions()[index_of(id)];
  const RegionView& view = health.view().regions[index_of(id)];
  json::array edges;
  for (std::size_t e = 0; e < region.edges.size(); ++e) {
    const EdgeId edge{id, static_cast<std::uint16_t>(e)};
    const auto& notes = steering.notes(edge);
    json::object object{
        {"address", region.edges[e].to_string()},
        {"state", to_string(view.edges[e])},
        {"probed", to_string(health.probed(edge))},
        {"draining", health.draining(edge)},
        {"reason", notes.reason},
        {"since", utc(notes.since)},
        {"round_trip_us", std::chrono::duration_cast<std::chrono::microseconds>(notes.round_trip).count()},
        {"probes", notes.probes},
        {"failures", notes.failures},
        {"override", override_of(health.override_of(edge))}};
    for (auto& fact : outlook_of(steering, edge)) object.insert(fact);
    if (!notes.fell_because.empty()) {
      object["last_fall"] = json::object{{"reason", notes.fell_because}, {"at", utc(notes.fell_at)}};
    }
    edges.push_back(std::move(object));
  }
  return edges;
}

json::array regions_of(const SteeringControl& steering) {
  const RegionHealth& health = steering.health();
  json::array regions;
  for (std::size_t r = 0; r < health.regions().size(); ++r) {
    const RegionId id{static_cast<std::uint16_t>(r)};
    const RegionView& view = health.view().regions[r];
    json::object object{{"name", health.regions()[r].name},
                        {"state", to_string(state_of(view))},
                        {"note", view.note},
                        {"about_to_change", view.pressure},
                        {"override", override_of(health.override_of(id))}};
    json::array policies;
    for (const std::string& policy : steering.policies_naming(id)) policies.push_back(json::value(policy));
    object["policies"] = std::move(policies);  // none: it stands in no step
    const auto& cname = health.regions()[r].cname;
    if (cname) object["cname"] = cname->to_text();
    object["edges"] = cname ? json::array() : edges_of(steering, id);
    if (cname) object["probed"] = edges_of(steering, id);
    regions.push_back(std::move(object));
  }
  return regions;
}

json::array zones_of(const World& world) {
  json::array zones;
  for (const auto& zone : world.zones->zones()) {
    zones.push_back({{"origin", zone->apex().to_text()},
                     {"serial", zone->serial()},
                     {"names", zone->name_count()},
                     {"octets", zone->memory()}});
  }
  return zones;
}

json::object geo_of(const Control& control) {
  const GeoFile& file = *control.world().geo;
  const GeoState& state = control.geo();
  const GuardConfig& guard = control.world().config.geo.guard;
  const std::string_view mode = guard.mode == shared::Mode::enforce  ? "enforce"
                                : guard.mode == shared::Mode::shadow ? "shadow"
                                                                     : "disabled";
  return {{"file", file.path.string()},
          {"type", file.database->source().type},
          {"taken", state.taken},
          {"refused", state.refused},
          {"since", utc(state.last)},
          {"last_moved_share", state.verdict.moved},
          {"last_judged_by", !state.verdict.judged      ? ""
                             : state.verdict.by_answers ? "answers"
                                                        : "addresses"},
          {"refused_because", state.message},
          {"serves", file.from_copy ? "the copy of the one accepted last" : "the file as it was read"},
          {"newer_waits", state.waiting.has_value()},
          {"guard", {{"share_percent", guard.share}, {"mode", mode}}}};
}

json::array policies_of(const PolicyTables& tables) {
  json::array policies;
  for (std::size_t i = 0; i < tables.compiled().size(); ++i) {
    const PolicyTables::Compiled& compiled = tables.compiled()[i];
    const std::size_t resolvers = compiled.resolvers ? compiled.resolvers->memory() : 0;
    policies.push_back({{"name", tables.spec().policies[i].name},
                        {"classes", compiled.classes.size()},
                        {"ipv4_ranges", compiled.clients.v4().starts().size()},
                        {"ipv6_ranges", compiled.clients.v6().starts().size()},
                        {"octets", compiled.clients.memory() + resolvers}});
  }
  return policies;
}

json::array names_of(const PolicyTables& policies, const AnswerSets& answers) {
  json::array names;
  const SteeringSpec& spec = policies.spec();
  for (std::size_t i = 0; i < spec.names.size(); ++i) {
    const SteeredName& name = spec.names[i];
    const auto ttl = answers.ttl_in_force(policies, PolicyNameId{static_cast<std::uint32_t>(i)});
    json::object object{{"name", name.name}};
    if (name.alias) {
      object["alias"] = name.alias->to_text();
    } else {
      object["policy"] = spec.policies[name.policy].name;
    }
    object["ttl_min"] = std::chrono::duration_cast<std::chrono::seconds>(name.ttl.min).count();
    object["ttl_max"] = std::chrono::duration_cast<std::chrono::seconds>(name.ttl.max).count();
    object["ttl_lowest_now"] = ttl.lowest;
    object["ttl_highest_now"] = ttl.highest;
    names.push_back(std::move(object));
  }
  return names;
}

json::array aliases_of(const AliasControl& aliases) {
  json::array list;
  for (const auto& report : aliases.reports()) {
    json::array addresses;
    for (const auto& address : report.answer.addresses) addresses.push_back(json::value(address.to_string()));
    list.push_back({{"target", report.target},
                    {"type", report.type == AddressType::a ? "A" : "AAAA"},
                    {"state", word_of(report.answer.state)},
                    {"addresses", std::move(addresses)},
                    {"ttl", report.answer.ttl},
                    {"since", utc(report.since)},
                    {"reason", report.reason},
                    {"lookups", report.lookups},
                    {"failures", report.failures}});
  }
  return list;
}

json::array workers_of(const Control& control) {
  json::array workers;
  for (std::size_t i = 0; i < control.workers().size(); ++i) {
    const WorkerCounters& counters = control.workers()[i]->counters();
    workers.push_back({{"number", i},
                       {"udp_queries", counters.queries[0].read()},
                       {"tcp_queries", counters.queries[1].read()},
                       {"tcp_open", counters.tcp_open.read()},
                       {"heartbeats", control.workers()[i]->heartbeats()}});
  }
  return workers;
}

}  // namespace

std::string render_given(const Control& control) {
  json::array answers;
  for (const GivenAnswer& given : control.given()) {
    answers.push_back({{"name", given.name},
                       {"client", given.client.to_string()},
                       {"subnet", given.by_subnet},
                       {"count", given.count}});
  }
  json::array regions;
  const HealthView& view = control.snapshot().answers->health();
  const auto& known = control.snapshot().policies->spec().regions;
  for (std::size_t r = 0; r < known.size(); ++r) {
    json::array edges;
    for (const EdgeState edge : view.regions[r].edges) edges.push_back(json::value(to_string(edge)));
    regions.push_back({{"name", known[r].name}, {"edges", std::move(edges)}});
  }
  return json::serialize(json::object{{"sampled_one_in", GivenSamples::kEvery},
                                      {"answers", std::move(answers)},
                                      {"regions", std::move(regions)}}) +
         "\n";
}

namespace {

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& text : list) out.push_back(json::value(text));
  return out;
}

// How it came by what it serves, and what the next start could come by.
json::object start_of(const Control& control) {
  const StartReport& report = control.started();
  json::array problems;
  for (const auto& problem : report.problems) problems.push_back(json::value(problem.to_string()));
  const bool copied = report.whole_copy || !report.zones_from_copy.empty();
  return {{"serves", report.whole_copy       ? "last good copy"
                     : !report.all_is_well() ? "files, but for what is broken"
                                             : "files"},
          {"copied", copied ? json::value(utc(report.copied)) : json::value(nullptr)},
          {"problems", std::move(problems)},
          {"zones_from_copy", texts(report.zones_from_copy)},
          {"zones_left_out", texts(report.zones_left_out)}};
}

json::object last_good_of(const Control& control) {
  const Control::Kept& kept = control.kept();
  const bool ever = kept.last != shared::WallTime{};
  return {{"kept", ever ? json::value(utc(kept.last)) : json::value(nullptr)}, {"error", kept.error}};
}

json::array certificates_of(const DnsOverTls& tls) {
  json::array list;
  for (const shared::load::TlsHost& host : tls.hosts()) {
    const auto left = host.certified->not_after - std::chrono::system_clock::now();
    list.emplace_back(json::object{{"certificate", host.file},
                                   {"subject", host.certified->subject},
                                   {"names", texts(host.names)},
                                   {"days_left", std::chrono::floor<std::chrono::hours>(left).count() / 24}});
  }
  return list;
}

}  // namespace

std::string render_status(const Control& control) {
  json::array listen;
  for (const auto& endpoint : control.endpoints()) listen.push_back(json::value(endpoint.to_string()));
  json::object status{
      {"program", "meridian-dns"},
      {"service", control.world().common.service},
      {"node", control.world().common.node},
      {"serving", control.serving()},
      {"generation", control.snapshot().generation},
      {"building", control.building()},
      {"start", start_of(control)},
      {"last_good", last_good_of(control)},
      {"isolated", control.steering().health().holding()},
      {"listen", std::move(listen)},
      {"certificates", certificates_of(control.over_tls())},
      {"regions", regions_of(control.steering())},
      {"names", names_of(*control.world().policies, *control.snapshot().answers)},
      {"aliases", aliases_of(control.aliases())},
      {"geo", geo_of(control)},
      {"policies", policies_of(*control.world().policies)},
      {"policies_build_ms", std::chrono::ceil<shared::milliseconds>(control.world().policies_took).count()},
      {"zones", zones_of(control.world())},
      {"workers", workers_of(control)}};
  shared::put_facts(status, control.facts());
  return json::serialize(status) + "\n";
}

}  // namespace dns
