#include "dns/core/steer/narrate.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "dns/core/steer/preference.h"

namespace dns {
namespace {

std::string degrees(const Location& location) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f, %.2f", location.latitude, location.longitude);
  return text;
}

std::string describe_address(const Client& client, const ClientMatch& located) {
  std::string text;
  if (located.by_subnet) {
    text = "client subnet " + client.subnet->address.to_string() + "/" + std::to_string(client.subnet->source);
  } else if (located.private_scope > 0) {
    text = "resolver " + client.resolver.to_string() + " (its client subnet " + client.subnet->address.to_string() +
           "/" + std::to_string(client.subnet->source) + " is private and says nothing of a place)";
  } else if (client.subnet) {
    text = "resolver " + client.resolver.to_string() + " (its client subnet has source 0)";
  } else {
    text = "resolver " + client.resolver.to_string() + " (the query has no client subnet)";
  }
  if (located.shift > 0) text += ", looked up as the IPv4 address " + located.address.to_string() + " that it embeds";
  return text;
}

std::string describe_record(const GeoDatabase& geo, const shared::IpAddress& address) {
  const GeoDatabase::Found found = geo.lookup(address);
  if (geo.source().file.empty() && found.id == kNoGeoRecord) return "none";
  std::string file = geo.source().file.empty() ? "" : " (" + geo.source().file + ", " + geo.source().type + ")";
  if (geo.record(found.id).corrected) file = " (as the overrides file says)";
  if (found.id == kNoGeoRecord) return "no row for " + address.to_string() + file;
  const GeoRecord& record = geo.record(found.id);
  std::string text = found.block.to_string() + " is ";
  if (!record.code.empty()) text += record.code.text();
  if (record.code.empty()) text += record.asn != 0 && !record.location ? "part of" : "of no known place";
  if (record.location) text += " at " + degrees(*record.location);
  if (record.asn != 0) text += (text.ends_with("part of") ? " AS" : ", AS") + std::to_string(record.asn);
  return text + file;
}

std::string row_text(const Step& step, Pick pick) {
  if (const auto* subnets = std::get_if<SubnetsStep>(&step.what)) return subnets->rows[pick].prefix.to_string();
  if (const auto* resolvers = std::get_if<ResolversStep>(&step.what)) return resolvers->rows[pick].prefix.to_string();
  if (const auto* systems = std::get_if<AsnStep>(&step.what)) return "AS" + std::to_string(systems->rows[pick].asn);
  if (const auto* geo = std::get_if<GeoStep>(&step.what)) return geo->rows[pick].code.text();
  if (const auto* fence = std::get_if<FenceStep>(&step.what)) return fence->rows[pick].code.text();
  return "";
}

std::string region_list(const std::vector<RegionId>& ids, const std::vector<Region>& regions) {
  Order order;
  for (const RegionId id : ids) order.push_back({Member{id, 1}});
  return to_string(order, regions);
}

std::vector<RegionId> regions_in(const Order& order) {
  std::vector<RegionId> out;
  for (const Element& element : order) {
    for (const Member& member : element) out.push_back(member.region);
  }
  return out;
}

bool holds(const std::vector<RegionId>& regions, RegionId region) {
  return std::ranges::find(regions, region) != regions.end();
}

// Who the client is, for a step that looks at it.
struct Who {
  const ClientMatch& located;
  const GeoRecord& record;
  std::uint32_t asn = 0;
};

std::string why_nothing(const Step& step, const Who& who) {
  const std::string place = who.record.code.text();
  if (std::holds_alternative<ResolversStep>(step.what) && who.located.by_subnet) {
    return "skipped: it is for queries that do not say whose they are";
  }
  if (std::holds_alternative<NearestStep>(step.what)) return "skipped: the client's location is not known";
  if (std::holds_alternative<AsnStep>(step.what)) {
    return who.asn == 0 ? "skipped: the client's autonomous system is not known"
                        : "no row for AS" + std::to_string(who.asn) + ": adds nothing";
  }
  const bool fence = std::holds_alternative<FenceStep>(step.what);
  const std::string end = fence ? ": nothing is struck out" : ": adds nothing";
  if (fence || std::holds_alternative<GeoStep>(step.what)) {
    return place.empty() ? "the client's place is not known" + end : "no row for " + place + end;
  }
  return "no row holds " + who.located.address.to_string() + end;
}

// `before`: the regions that earlier steps have named.
std::string describe_list(const Step& step, Pick pick, const Order& list, const std::vector<RegionId>& before,
                          const std::vector<Region>& regions) {
  std::string text;
  if (const std::string row = row_text(step, pick); !row.empty()) text = "row " + row + " ";
  if (std::holds_alternative<NearestStep>(step.what)) text = "by distance ";
  std::vector<RegionId> named;
  std::vector<RegionId> known;
  for (const RegionId region : regions_in(list)) (holds(before, region) ? known : named).push_back(region);
  if (named.empty()) return text + "gives " + to_string(list, regions) + ", all named before: adds nothing";
  text += "adds " + to_string(list, regions);
  if (!known.empty()) text += ", of which " + region_list(known, regions) + " were named before";
  return text;
}

std::string describe_fence(const FenceRow& row, std::vector<RegionId>& left, const std::vector<Region>& regions) {
  std::vector<RegionId> struck;
  for (const RegionId region : left) {
    if (!holds(row.regions, region)) struck.push_back(region);
  }
  std::erase_if(left, [&](RegionId region) { return holds(struck, region); });
  const std::string text = "row " + row.code.text() + " allows only " + region_list(row.regions, regions);
  return text + (struck.empty() ? ": nothing had to be struck out" : ": strikes out " + region_list(struck, regions));
}

const Policy& policy_of(const PolicyTables& tables, PolicyNameId name) {
  return tables.spec().policies[tables.spec().names[static_cast<std::size_t>(name)].policy];
}

const Order& order_of(const PolicyTables& tables, PolicyNameId name, const ClientMatch& located) {
  return tables.compiled()[tables.profiles()[tables.profile_of(name)].policy].classes[located.class_id];
}

}  // namespace

std::vector<Sentence> narrate_client(const PolicyTables& tables, PolicyNameId name, const Client& client,
                                     const ClientMatch& located) {
  const SteeringSpec& spec = tables.spec();
  const Policy& policy = policy_of(tables, name);
  std::vector<Sentence> out;
  out.push_back({"policy", spec.names[static_cast<std::size_t>(name)].name + " uses policy " + policy.name});
  out.push_back({"address", describe_address(client, located)});
  out.push_back({"database", describe_record(*spec.geo, located.address)});
  if (spec.asn != nullptr) out.push_back({"systems", describe_record(*spec.asn, located.address)});
  const GeoRecord& record = spec.geo->record(spec.geo->lookup(located.address).id);
  const GeoDatabase& systems = spec.systems();
  const std::uint32_t asn = systems.record(systems.lookup(located.address).id).asn;

  PolicyEvaluator evaluator(policy, spec.regions);
  Picks picks = evaluator.picks_of(record);
  using Source = PolicyEvaluator::Source;
  evaluator.add_address_picks(picks, located.address, located.by_subnet ? Source::subnet : Source::resolver, asn);
  const Preference preference = evaluator.prefer(picks);
  const Who who{located, record, asn};
  std::vector<RegionId> named;
  std::vector<RegionId> left = regions_in(preference.before_fences);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const Step& step = policy.steps[i];
    std::string text;
    if (picks[i] == kNoPick) {
      text = why_nothing(step, who);
    } else if (const auto* fence = std::get_if<FenceStep>(&step.what)) {
      text = describe_fence(fence->rows[picks[i]], left, spec.regions);
    } else {
      text = describe_list(step, picks[i], preference.lists[i], named, spec.regions);
    }
    for (const RegionId region : regions_in(preference.lists[i])) named.push_back(region);
    out.push_back({name_of(step), std::move(text)});
  }
  return out;
}

std::string narrate_class(const PolicyTables& tables, PolicyNameId name, const ClientMatch& located) {
  const shared::Prefix block{located.address.masked(located.depth), located.depth};
  return to_string(order_of(tables, name, located), tables.spec().regions) + ", class " +
         std::to_string(located.class_id) + ": the same for all of " + block.to_string();
}

namespace {

// Why a region does not give what `taken` gives; empty if it could.
std::string why_not(const Region& region, const RegionView& view, AddressType type) {
  const auto family = type == AddressType::a ? shared::Family::ipv4 : shared::Family::ipv6;
  EdgeState best = EdgeState::down;
  for (std::size_t i = 0; i < view.edges.size(); ++i) {
    if (region.cname || region.edges[i].family == family) best = std::min(best, view.edges[i]);
  }
  switch (best) {
    case EdgeState::up:
      return view.full ? "full, others are not" : "";
    case EdgeState::unknown:
      return "not probed yet: what is known to serve comes first";
    case EdgeState::held_down:
      return "held down: used only if nothing else is up";
    case EdgeState::drained:
      return "drained: used only if nothing else is up";
    case EdgeState::down:
      break;
  }
  if (region.cname) return "this platform is down";
  return std::string("no ") + (type == AddressType::a ? "IPv4 edge" : "IPv6 edge") + " of it is up";
}

std::string verdict_of(const Region& region, const RegionView& view, RegionId id, const Decided& decided, bool behind) {
  if (decided.slot.verdict != AnswerSets::Verdict::answer) return "cannot serve";
  if (decided.region == id) return "ANSWERS";
  const std::string reason = why_not(region, view, decided.type);
  if (!reason.empty()) return behind ? "not reached; " + reason : "passed over: " + reason;
  return behind ? "not reached: the order names it later" : "its group's draw took another";
}

// Regions that this client can never be given, and why.
std::vector<Sentence> narrate_absent(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided) {
  const auto& regions = tables.spec().regions;
  const Policy& policy = policy_of(tables, decided.name);
  const auto named = regions_named(policy, regions);
  const auto order = regions_in(order_of(tables, decided.name, decided.located));
  std::vector<Sentence> out;
  for (std::size_t r = 0; r < regions.size(); ++r) {
    if (holds(order, static_cast<RegionId>(r))) continue;
    const std::string why = named[r] ? "not in this client's order" : "stands in no step of policy " + policy.name;
    out.push_back({"health", regions[r].name + " is " + answers.health().regions[r].note + " -> " + why});
  }
  return out;
}

}  // namespace

std::vector<Sentence> narrate_health(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided) {
  const auto& regions = tables.spec().regions;
  std::vector<Sentence> out;
  bool behind = false;
  for (const Element& element : order_of(tables, decided.name, decided.located)) {
    bool here = false;
    for (const Member& member : element) {
      const Region& region = regions[index_of(member.region)];
      const RegionView& view = answers.health().regions[index_of(member.region)];
      here = here || decided.region == member.region;
      const std::string verdict = verdict_of(region, view, member.region, decided, behind);
      out.push_back({"health", region.name + " is " + view.note + " -> " + verdict});
    }
    behind = behind || here;
  }
  for (Sentence& absent : narrate_absent(tables, answers, decided)) out.push_back(std::move(absent));
  return out;
}

std::string narrate_choice(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided) {
  switch (decided.slot.verdict) {
    case AnswerSets::Verdict::all_down_answer_all:
      return "no region of the order can serve: every edge of it is given, since one may be well after all "
             "(when_all_down: answer_all)";
    case AnswerSets::Verdict::all_down_nodata:
      return "no region of the order can serve: no addresses are given (when_all_down: nodata)";
    case AnswerSets::Verdict::all_down_refuse:
      return "no region of the order can serve: the query is refused (when_all_down: refuse)";
    case AnswerSets::Verdict::answer:
      break;
  }
  const std::string& name = tables.spec().regions[index_of(*decided.region)].name;
  if (decided.slot.candidates <= 1) return name + ": the first region of the order that can serve";
  std::string weights;
  for (const auto& candidate : answers.candidates(decided.slot)) {
    weights += (weights.empty() ? "" : ", ") + tables.spec().regions[index_of(candidate.region)].name + ": " +
               std::to_string(candidate.weight) + (candidate.usable ? "" : " (cannot serve)");
  }
  const bool stable = decided.located.by_subnet;
  return name + ": drawn by weight from {" + weights + "}, the first group that can serve; the draw " +
         (stable ? "is fixed by the client's block" : "is made anew for each query, since no client is named");
}

std::string narrate_alias(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name, AddressType type) {
  const SteeredName& written = tables.spec().names[static_cast<std::size_t>(name)];
  const AliasAnswer& known = answers.alias(tables.profiles()[tables.profile_of(name)]).of(type).known;
  std::string text = written.name + " has the addresses of " + written.alias->to_text() + ", for every client: ";
  if (known.state == AliasAnswer::State::unknown) return text + "not known yet, SERVFAIL until they are";
  text += std::to_string(known.addresses.size()) + (type == AddressType::a ? " of IPv4" : " of IPv6");
  if (known.state == AliasAnswer::State::stale) text += ", as last known: asking again has failed";
  return text;
}

std::string narrate_window(std::uint32_t start, std::uint32_t count, std::uint32_t edges) {
  return std::to_string(count) + " of its " + std::to_string(edges) + " edges that are up, from number " +
         std::to_string(start + 1) + " on: the same ones for the same client while the same edges are up";
}

std::string narrate_ttl(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided) {
  const PolicyTables::Profile& profile = tables.profiles()[tables.profile_of(decided.name)];
  if (!decided.slot.pressed) return std::to_string(profile.ttl_max) + " s, the maximum: nothing is about to change";
  const std::string text = std::to_string(profile.ttl_min) + " s, the minimum: ";
  std::vector<RegionId> unsettled;
  for (const RegionId region : regions_in(order_of(tables, decided.name, decided.located))) {
    if (answers.health().regions[index_of(region)].pressure) unsettled.push_back(region);
  }
  if (unsettled.empty()) return text + "better regions should be back soon";
  return text + region_list(unsettled, tables.spec().regions) + " may change soon";
}

std::string narrate_scope(const AnswerSets::Slot& slot, const ClientMatch& located, std::uint8_t scope) {
  if (located.private_scope > 0)
    return "/" + std::to_string(scope) +
           ": the private block, whose clients are all answered by the resolver's address";
  if (!located.by_subnet) return "none: the query names no client, so resolvers keep the answer for all their clients";
  std::string text = "/" + std::to_string(scope) + ": a resolver may give this answer to every client of that block; ";
  text += "the table decides at /" + std::to_string(located.depth);
  const bool v4 = located.address.family == shared::Family::ipv4;
  if (slot.variants) text += std::string(", draws are made for each ") + (v4 ? "/24" : "/56");
  if (located.shift > 0) text += ", moved by the " + std::to_string(located.shift) + " bits before the IPv4 address";
  return text;
}

}  // namespace dns
