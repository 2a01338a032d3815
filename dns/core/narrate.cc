#include "dns/core/narrate.h"

#include <cstdio>

#include "dns/core/preference.h"

namespace dns {
namespace {

std::string degrees(const Location& location) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f, %.2f", location.latitude, location.longitude);
  return text;
}

std::string describe_address(const Client& client, const Located& located) {
  std::string text;
  if (located.by_subnet) {
    text = "client subnet " + client.subnet->address.to_string() + "/" + std::to_string(client.subnet->source);
  } else if (client.subnet) {
    text = "resolver " + client.resolver.to_string() + " (its client subnet has source 0)";
  } else {
    text = "resolver " + client.resolver.to_string() + " (the query has no client subnet)";
  }
  if (located.shift > 0) text += ", looked up as the IPv4 address " + located.address.to_string() + " that it embeds";
  return text;
}

std::string describe_record(const GeoDatabase& geo, const shared::IpAddress& address) {
  if (geo.source().file.empty()) return "none";
  const GeoDatabase::Found found = geo.lookup(address);
  const std::string file = " (" + geo.source().file + ", " + geo.source().type + ")";
  if (found.id == kNoGeoRecord) return "no row for " + address.to_string() + file;
  const GeoRecord& record = geo.record(found.id);
  std::string text =
      found.block.to_string() + " is " + (record.code.empty() ? "of no known place" : record.code.text());
  if (record.location) text += " at " + degrees(*record.location);
  if (record.asn != 0) text += ", AS" + std::to_string(record.asn);
  return text + file;
}

std::string row_text(const Step& step, Pick pick) {
  if (pick == kNoPick) return "no row matches";
  if (const auto* subnets = std::get_if<SubnetsStep>(&step.what)) return subnets->rows[pick].prefix.to_string();
  if (const auto* resolvers = std::get_if<ResolversStep>(&step.what)) return resolvers->rows[pick].prefix.to_string();
  if (const auto* geo = std::get_if<GeoStep>(&step.what)) return geo->rows[pick].code.text();
  return "";
}

// Region names of a fence, or of anything that is a plain list.
std::string region_list(const std::vector<RegionId>& ids, const std::vector<Region>& regions) {
  Order order;
  for (const RegionId id : ids) order.push_back({Member{id, 1}});
  return to_string(order, regions);
}

std::string describe_step(const Step& step, Pick pick, const Order& list, const std::vector<Region>& regions) {
  if (const auto* fence = std::get_if<FenceStep>(&step.what)) {
    if (pick == kNoPick) return "no row matches: nothing is filtered";
    const FenceRow& row = fence->rows[pick];
    return row.code.text() + ": only " + region_list(row.regions, regions);
  }
  if (std::holds_alternative<NearestStep>(step.what)) {
    return pick == kNoPick ? "the client has no location: nothing" : to_string(list, regions);
  }
  if (std::holds_alternative<FailoverStep>(step.what)) return to_string(list, regions);
  if (std::holds_alternative<ResolversStep>(step.what) && pick == kNoPick) return "nothing";
  const std::string row = row_text(step, pick);
  return pick == kNoPick ? row : row + ": " + to_string(list, regions);
}

const Policy& policy_of(const PolicyTables& tables, PolicyNameId name) {
  return tables.spec().policies[tables.spec().names[static_cast<std::size_t>(name)].policy];
}

const Order& order_of(const PolicyTables& tables, PolicyNameId name, const Located& located) {
  return tables.compiled()[tables.profiles()[tables.profile_of(name)].policy].classes[located.class_id];
}

}  // namespace

std::vector<Sentence> narrate_client(const PolicyTables& tables, PolicyNameId name, const Client& client,
                                     const Located& located) {
  const SteeringSpec& spec = tables.spec();
  const Policy& policy = policy_of(tables, name);
  std::vector<Sentence> out;
  out.push_back({"policy", spec.names[static_cast<std::size_t>(name)].name + " uses policy " + policy.name});
  out.push_back({"address", describe_address(client, located)});
  out.push_back({"database", describe_record(*spec.geo, located.address)});

  PolicyEvaluator evaluator(policy, spec.regions);
  Picks picks = evaluator.picks_of(spec.geo->record(spec.geo->lookup(located.address).id));
  using Source = PolicyEvaluator::Source;
  evaluator.add_subnet_picks(picks, located.address, located.by_subnet ? Source::subnet : Source::resolver);
  const Preference preference = evaluator.prefer(picks);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const Step& step = policy.steps[i];
    out.push_back({name_of(step), describe_step(step, picks[i], preference.lists[i], spec.regions)});
  }
  return out;
}

std::vector<Sentence> narrate_class(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name,
                                    const Located& located) {
  const Order& order = order_of(tables, name, located);
  const auto& regions = tables.spec().regions;
  const shared::Prefix block{located.address.masked(located.depth), located.depth};
  std::vector<Sentence> out;
  out.push_back({"class", "class " + std::to_string(located.class_id) + " is " + to_string(order, regions) +
                              "; all of " + block.to_string() + " is in it"});
  for (const Element& element : order) {
    for (const Member& member : element) {
      const RegionView& view = answers.health().regions[index_of(member.region)];
      out.push_back({"health", regions[index_of(member.region)].name + ": " + view.note});
    }
  }
  return out;
}

std::string narrate_choice(const PolicyTables& tables, const AnswerSets::Slot& slot, RegionId region) {
  switch (slot.verdict) {
    case AnswerSets::Verdict::all_down_answer_all:
      return "all are down: every edge of the order (when_all_down: answer_all)";
    case AnswerSets::Verdict::all_down_nodata:
      return "all are down: no addresses (when_all_down: nodata)";
    case AnswerSets::Verdict::all_down_refuse:
      return "all are down: refused (when_all_down: refuse)";
    case AnswerSets::Verdict::answer:
      break;
  }
  const std::string& name = tables.spec().regions[index_of(region)].name;
  if (slot.candidates > 1) return name + ", drawn by weight from the first group with a region that can serve";
  return name + ", the first that can serve";
}

std::string narrate_window(std::uint32_t start, std::uint32_t count, std::uint32_t edges) {
  return std::to_string(count) + " of " + std::to_string(edges) + " edges that are up, from number " +
         std::to_string(start + 1) + " of the ring";
}

std::string narrate_ttl(const PolicyTables& tables, PolicyNameId name, const AnswerSets& answers,
                        const AnswerSets::Slot& slot, const Located& located) {
  const PolicyTables::Profile& profile = tables.profiles()[tables.profile_of(name)];
  if (!slot.pressed) return std::to_string(profile.ttl_max) + " s, the maximum: nothing is about to change";
  std::string unsettled;
  for (const Element& element : order_of(tables, name, located)) {
    for (const Member& member : element) {
      if (!answers.health().regions[index_of(member.region)].pressure) continue;
      unsettled += (unsettled.empty() ? "" : ", ") + tables.spec().regions[index_of(member.region)].name;
    }
  }
  if (unsettled.empty()) unsettled = "regions that should not serve";
  return std::to_string(profile.ttl_min) + " s, the minimum: " + unsettled + " may change soon";
}

std::string narrate_scope(const AnswerSets::Slot& slot, const Located& located, std::uint8_t scope) {
  if (!located.by_subnet) return "0: the query names no client subnet";
  std::string text = "/" + std::to_string(scope) + ": the table decides at /" + std::to_string(located.depth);
  const bool v4 = located.address.family == shared::Family::ipv4;
  if (slot.variants) text += std::string(", its variants at ") + (v4 ? "/24" : "/56");
  if (located.shift > 0) text += ", moved by the " + std::to_string(located.shift) + " bits before the IPv4 address";
  return text;
}

}  // namespace dns
