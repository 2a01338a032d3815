#include "dns/core/steer/answer_sets.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "dns/core/steer/address_rr.h"
#include "dns/core/wire/wire.h"

namespace dns {
namespace {

using shared::Family;

Family family_of(AddressType type) { return type == AddressType::a ? Family::ipv4 : Family::ipv6; }

// How good a region is for one type, best first; the order of use of a policy's regions.
enum class Tier : std::uint8_t { up, full, unknown, drained, unusable };

Tier tier_of(EdgeState state, const RegionView& view) {
  switch (state) {
    case EdgeState::up:
      return view.full ? Tier::full : Tier::up;
    case EdgeState::unknown:
      return Tier::unknown;
    case EdgeState::held_down:
    case EdgeState::drained:
      return Tier::drained;
    case EdgeState::down:
      break;
  }
  return Tier::unusable;
}

struct RegionUse {
  Tier tier = Tier::unusable;
  std::vector<shared::IpAddress> edges;  // that answer in this tier
};

// Of somebody else's platform: it has no families, and the CNAME serves as long as anything of it does.
RegionUse use_of_cname(const RegionView& view) {
  RegionUse use;
  for (const EdgeState edge : view.edges) use.tier = std::min(use.tier, tier_of(edge, view));
  return use;
}

RegionUse use_of(const Region& region, const RegionView& view, AddressType type) {
  if (region.cname) return use_of_cname(view);
  RegionUse use;
  for (std::size_t i = 0; i < region.edges.size(); ++i) {
    if (region.edges[i].family != family_of(type)) continue;
    const Tier tier = tier_of(view.edges[i], view);
    if (tier == Tier::unusable || tier > use.tier) continue;
    if (tier < use.tier) use = {tier, {}};
    use.edges.push_back(region.edges[i]);
  }
  return use;
}

void append_cname(std::vector<std::uint8_t>& out, std::uint32_t ttl, NameSpan target) {
  std::array<std::uint8_t, 2 + kRrFixedSize> head = {0xC0, kHeaderSize};
  store_u16(&head[2], static_cast<std::uint16_t>(RrType::cname));
  store_u16(&head[4], static_cast<std::uint16_t>(RrClass::in));
  store_u32(&head[6], ttl);
  store_u16(&head[10], static_cast<std::uint16_t>(target.size()));
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), target.begin(), target.end());
}

}  // namespace

// Works through the profiles; what it caches (rings) belongs to one profile and type.
class AnswerSetsBuilder {
 public:
  AnswerSetsBuilder(const PolicyTables& tables, AnswerSets& out) : tables_(tables), out_(out) {
    for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
      for (std::size_t i = 0; i < regions().size(); ++i) {
        uses_[static_cast<std::size_t>(type)].push_back(use_of(regions()[i], out_.health_.regions[i], type));
      }
    }
    tiers_.resize(regions().size());
  }

  void add(const PolicyTables::Profile& profile, AddressType type) {
    out_.first_slot_.push_back(static_cast<std::uint32_t>(out_.slots_.size()));
    profile_ = &profile;
    type_ = type;
    if (profile.alias != 0) return;  // an AliasSet of its own
    if (!has_type() && !profile.may_cname) return;
    for (std::size_t i = 0; i < regions().size(); ++i) tiers_[i] = tier_of(i);
    rings_.assign(2 * regions().size(), std::nullopt);
    all_rings_.clear();
    for (const Order& order : tables_.compiled()[profile.policy].classes) out_.slots_.push_back(resolve(order));
  }

 private:
  using Slot = AnswerSets::Slot;
  using Ring = AnswerSets::Ring;

  [[nodiscard]] const std::vector<Region>& regions() const { return tables_.spec().regions; }
  [[nodiscard]] const RegionUse& use(RegionId id) const { return uses_[static_cast<std::size_t>(type_)][index_of(id)]; }
  [[nodiscard]] bool under_pressure(const Element& element) const {
    return std::ranges::any_of(
        element, [this](const Member& member) { return out_.health_.regions[index_of(member.region)].pressure; });
  }

  // Regions may have edges of a family that the name has not; it matters where another region is a CNAME.
  [[nodiscard]] bool has_type() const { return type_ == AddressType::a ? profile_->has_a : profile_->has_aaaa; }

  [[nodiscard]] Tier tier(RegionId id) const { return tiers_[index_of(id)]; }

  // A name that may be a CNAME chooses its region once for all types, lest it be a CNAME beside addresses: by the type
  // that is worst off.
  [[nodiscard]] Tier tier_of(std::size_t region) const {
    if (!profile_->may_cname || regions()[region].cname) return uses_[static_cast<std::size_t>(type_)][region].tier;
    Tier worst = Tier::up;
    if (profile_->has_a) worst = std::max(worst, uses_[0][region].tier);
    if (profile_->has_aaaa) worst = std::max(worst, uses_[1][region].tier);
    return worst;
  }

  // Some region is down, and should be back before long.
  [[nodiscard]] bool misses_some(const Order& order) const {
    return std::ranges::any_of(order, [this](const Element& element) {
      return std::ranges::any_of(element,
                                 [this](const Member& member) { return tier(member.region) == Tier::unusable; });
    });
  }

  Slot resolve(const Order& order) {
    for (const Tier wanted : {Tier::up, Tier::full, Tier::unknown, Tier::drained}) {
      bool pressed = wanted == Tier::unknown || (wanted == Tier::drained && misses_some(order));
      for (const Element& element : order) {
        pressed = pressed || under_pressure(element);
        const bool usable =
            std::ranges::any_of(element, [&](const Member& member) { return tier(member.region) == wanted; });
        if (usable) return slot_of(element, wanted, pressed);
      }
    }
    return all_down(order);
  }

  Slot slot_of(const Element& element, Tier wanted, bool pressed) {
    Slot slot{static_cast<std::uint32_t>(out_.candidates_.size()), static_cast<std::uint16_t>(element.size())};
    slot.pressed = pressed;
    std::size_t usable = 0;
    for (const Member& member : element) {
      AnswerSets::Candidate candidate{{}, member.region, member.weight, tier(member.region) == wanted};
      if (candidate.usable) {
        ++usable;
        candidate.ring = ring_of(member.region, pressed);
        candidate.cname_size = cname_size(member.region);
        slot.variants = slot.variants || (profile_->answers > 0 && candidate.ring.edges > profile_->answers);
      }
      out_.candidates_.push_back(candidate);
    }
    slot.variants = slot.variants || usable > 1;
    return slot;
  }

  [[nodiscard]] std::uint16_t cname_size(RegionId region) const {
    const auto& cname = regions()[index_of(region)].cname;
    return cname ? static_cast<std::uint16_t>(2 + kRrFixedSize + cname->wire().size()) : std::uint16_t{0};
  }

  // The RRs of a region, written twice if windows are cut from them, so that each window is contiguous.
  Ring ring_of(RegionId region, bool pressed) {
    auto& ring = rings_[2 * index_of(region) + (pressed ? 1 : 0)];
    if (ring) return *ring;
    if (const auto& cname = regions()[index_of(region)].cname) {
      ring = Ring{static_cast<std::uint32_t>(out_.bytes_.size()), 1};
      append_cname(out_.bytes_, pressed ? profile_->ttl_min : profile_->ttl_max, cname->wire());
      return *ring;
    }
    const auto edges = has_type() ? std::span(use(region).edges) : std::span<const shared::IpAddress>();
    const int copies = profile_->answers > 0 && edges.size() > profile_->answers ? 2 : 1;
    ring = Ring{static_cast<std::uint32_t>(out_.bytes_.size()), static_cast<std::uint16_t>(edges.size())};
    for (int copy = 0; copy < copies; ++copy) {
      for (const auto& edge : edges)
        append_address_rr(out_.bytes_, type_, pressed ? profile_->ttl_min : profile_->ttl_max, edge);
    }
    return *ring;
  }

  Slot all_down(const Order& order) {
    Slot slot{static_cast<std::uint32_t>(out_.candidates_.size()), 0};
    slot.pressed = true;
    switch (profile_->when_all_down) {
      case WhenAllDown::nodata:
        slot.verdict = AnswerSets::Verdict::all_down_nodata;
        return slot;
      case WhenAllDown::refuse:
        slot.verdict = AnswerSets::Verdict::all_down_refuse;
        return slot;
      case WhenAllDown::answer_all:
        break;
    }
    slot.verdict = AnswerSets::Verdict::all_down_answer_all;
    slot.candidates = 1;
    const auto chosen = last_resort(order);
    const bool only_cnames =
        std::ranges::all_of(chosen, [this](RegionId region) { return regions()[index_of(region)].cname.has_value(); });
    if (only_cnames) {
      const RegionId first = chosen.front();
      out_.candidates_.push_back({ring_of(first, true), first, 1, true, cname_size(first)});
    } else {
      out_.candidates_.push_back({ring_of_all(chosen), order.front().front().region, 1, true});
    }
    return slot;
  }

  // All the order's regions. One that the operator took down stays out, unless that leaves nothing: the probes may be
  // wrong, the operator is not.
  std::vector<RegionId> last_resort(const Order& order) const {
    std::vector<RegionId> chosen;
    std::vector<RegionId> everything;
    for (const Element& element : order) {
      for (const Member& member : element) {
        everything.push_back(member.region);
        if (!out_.health_.regions[index_of(member.region)].forced) chosen.push_back(member.region);
      }
    }
    return chosen.empty() ? everything : chosen;
  }

  Ring ring_of_all(const std::vector<RegionId>& chosen) {
    const auto [found, fresh] = all_rings_.try_emplace(chosen);
    if (!fresh) return found->second;
    Ring& ring = found->second;
    ring.offset = static_cast<std::uint32_t>(out_.bytes_.size());
    for (const RegionId region : chosen) {
      if (regions()[index_of(region)].cname) continue;
      for (const auto& edge : regions()[index_of(region)].edges) {
        if (!has_type() || edge.family != family_of(type_)) continue;
        append_address_rr(out_.bytes_, type_, profile_->ttl_min, edge);
        ++ring.edges;
      }
    }
    return ring;
  }

  const PolicyTables& tables_;
  AnswerSets& out_;
  std::array<std::vector<RegionUse>, 2> uses_;  // by type, region
  const PolicyTables::Profile* profile_ = nullptr;
  AddressType type_ = AddressType::a;
  std::vector<Tier> tiers_;                 // by region, for this profile and type
  std::vector<std::optional<Ring>> rings_;  // 2 * region + pressed
  std::map<std::vector<RegionId>, Ring> all_rings_;
};

// Of the addresses that are known of the target.
AnswerSets::TtlRange AnswerSets::alias_ttl(const PolicyTables::Profile& profile) const {
  const auto& [a, aaaa] = alias(profile).types;
  return {std::min(a.ttl, aaaa.ttl), std::max(a.ttl, aaaa.ttl)};
}

AliasView AnswerSets::aliases() const {
  AliasView view;
  for (const auto& set : aliases_) view.targets.push_back({set->types[0].known, set->types[1].known});
  return view;
}

AnswerSets::TtlRange AnswerSets::ttl_in_force(const PolicyTables& tables, PolicyNameId name) const {
  const std::size_t index = tables.profile_of(name);
  const PolicyTables::Profile& profile = tables.profiles()[index];
  TtlRange range{profile.ttl_max, profile.ttl_min};
  if (profile.alias != 0) return alias_ttl(profile);
  for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
    if (!tables.has(name, type) && !profile.may_cname) continue;
    for (PolicyTables::ClassId id = 0; id < tables.compiled()[profile.policy].classes.size(); ++id) {
      const std::uint32_t ttl = slot(index, type, id).pressed ? profile.ttl_min : profile.ttl_max;
      range.lowest = std::min(range.lowest, ttl);
      range.highest = std::max(range.highest, ttl);
    }
  }
  return range;
}

namespace {

const PolicyTables::Profile& profile_of_alias(const PolicyTables& tables, std::size_t number) {
  return tables.profiles()[tables.profile_of(tables.aliases()[number])];
}

}  // namespace

void AnswerSets::add_regions(const PolicyTables& tables) {
  AnswerSetsBuilder builder(tables, *this);
  for (const PolicyTables::Profile& profile : tables.profiles()) {
    builder.add(profile, AddressType::a);
    builder.add(profile, AddressType::aaaa);
  }
}

std::shared_ptr<const AnswerSets> AnswerSets::build(const PolicyTables& tables, HealthView health,
                                                    const AliasView& aliases) {
  auto out = std::make_shared<AnswerSets>();
  out->health_ = std::move(health);
  for (std::size_t i = 0; i < tables.aliases().size(); ++i) {
    const bool known = i < aliases.targets.size();
    out->aliases_.push_back(
        make_alias_set(profile_of_alias(tables, i), known ? aliases.targets[i] : std::array<AliasAnswer, 2>()));
  }
  out->add_regions(tables);
  return out;
}

std::shared_ptr<const AnswerSets> AnswerSets::with_health(const PolicyTables& tables, HealthView health) const {
  auto out = std::make_shared<AnswerSets>();
  out->health_ = std::move(health);
  out->aliases_ = aliases_;
  out->add_regions(tables);
  return out;
}

std::shared_ptr<const AnswerSets> AnswerSets::with_aliases(const PolicyTables& tables,
                                                           const std::vector<AliasChange>& changes) const {
  std::shared_ptr<AnswerSets> out;
  for (const AliasChange& change : changes) {
    auto set = make_alias_set(profile_of_alias(tables, change.number), change.known);
    if (same_answers(*set, *aliases_[change.number])) continue;
    if (out == nullptr) out = std::make_shared<AnswerSets>(*this);
    out->aliases_[change.number] = std::move(set);
  }
  return out;
}

}  // namespace dns
