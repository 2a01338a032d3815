#include "dns/core/answer_sets.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace dns {
namespace {

using shared::Family;

Family family_of(AddressType type) { return type == AddressType::a ? Family::ipv4 : Family::ipv6; }

// How good a region is for one type, best first; the order of use of a policy's regions.
enum class Tier : std::uint8_t { up, full, drained, unusable };

struct RegionUse {
  Tier tier = Tier::unusable;
  std::vector<shared::IpAddress> edges;  // that answer in this tier
};

RegionUse use_of(const Region& region, const RegionView& view, AddressType type) {
  RegionUse up{view.full ? Tier::full : Tier::up, {}};
  RegionUse drained{Tier::drained, {}};
  for (std::size_t i = 0; i < region.edges.size(); ++i) {
    if (region.edges[i].family != family_of(type)) continue;
    if (view.edges[i] == EdgeState::up) up.edges.push_back(region.edges[i]);
    if (view.edges[i] == EdgeState::drained) drained.edges.push_back(region.edges[i]);
  }
  if (!up.edges.empty()) return up;
  if (!drained.edges.empty()) return drained;
  return {};
}

void append_rr(std::vector<std::uint8_t>& out, AddressType type, std::uint32_t ttl, const shared::IpAddress& address) {
  const std::uint8_t code = type == AddressType::a ? 1 : 28;  // RFC 1035 3.2.2, RFC 3596 2.1
  const std::uint8_t length = type == AddressType::a ? 4 : 16;
  const auto byte = [ttl](unsigned shift) { return static_cast<std::uint8_t>(ttl >> shift); };
  const std::array<std::uint8_t, 12> head = {0xC0,     0x0C,     0,       code,    0, 1,
                                             byte(24), byte(16), byte(8), byte(0), 0, length};
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), address.bytes.begin(), address.bytes.begin() + length);
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
  }

  void add(const PolicyTables::Profile& profile, AddressType type) {
    out_.first_slot_.push_back(static_cast<std::uint32_t>(out_.slots_.size()));
    if (!(type == AddressType::a ? profile.has_a : profile.has_aaaa)) return;
    profile_ = &profile;
    type_ = type;
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

  Slot resolve(const Order& order) {
    for (const Tier tier : {Tier::up, Tier::full, Tier::drained}) {
      bool pressed = tier == Tier::drained;
      for (const Element& element : order) {
        pressed = pressed || under_pressure(element);
        const bool usable =
            std::ranges::any_of(element, [&](const Member& member) { return use(member.region).tier == tier; });
        if (usable) return slot_of(element, tier, pressed);
      }
    }
    return all_down(order);
  }

  Slot slot_of(const Element& element, Tier tier, bool pressed) {
    Slot slot{static_cast<std::uint32_t>(out_.candidates_.size()), static_cast<std::uint16_t>(element.size())};
    slot.pressed = pressed;
    std::size_t usable = 0;
    for (const Member& member : element) {
      AnswerSets::Candidate candidate{{}, member.region, member.weight, use(member.region).tier == tier};
      if (candidate.usable) {
        ++usable;
        candidate.ring = ring_of(member.region, pressed);
        slot.variants = slot.variants || (profile_->answers > 0 && candidate.ring.edges > profile_->answers);
      }
      out_.candidates_.push_back(candidate);
    }
    slot.variants = slot.variants || usable > 1;
    return slot;
  }

  // The RRs of a region, written twice if windows are cut from them, so that each window is contiguous.
  Ring ring_of(RegionId region, bool pressed) {
    auto& ring = rings_[2 * index_of(region) + (pressed ? 1 : 0)];
    if (ring) return *ring;
    const auto& edges = use(region).edges;
    const int copies = profile_->answers > 0 && edges.size() > profile_->answers ? 2 : 1;
    ring = Ring{static_cast<std::uint32_t>(out_.bytes_.size()), static_cast<std::uint16_t>(edges.size())};
    for (int copy = 0; copy < copies; ++copy) {
      for (const auto& edge : edges)
        append_rr(out_.bytes_, type_, pressed ? profile_->ttl_min : profile_->ttl_max, edge);
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
    out_.candidates_.push_back({ring_of_all(order), order.front().front().region, 1, true});
    return slot;
  }

  // Every edge of the order's regions. A region that the operator took down stays out, unless that leaves nothing: the
  // probes may be wrong, the operator is not.
  Ring ring_of_all(const Order& order) {
    std::vector<RegionId> chosen;
    std::vector<RegionId> everything;
    for (const Element& element : order) {
      for (const Member& member : element) {
        everything.push_back(member.region);
        if (!out_.health_.regions[index_of(member.region)].forced) chosen.push_back(member.region);
      }
    }
    if (chosen.empty()) chosen = std::move(everything);
    const auto [found, fresh] = all_rings_.try_emplace(chosen);
    if (!fresh) return found->second;
    Ring& ring = found->second;
    ring.offset = static_cast<std::uint32_t>(out_.bytes_.size());
    for (const RegionId region : chosen) {
      for (const auto& edge : regions()[index_of(region)].edges) {
        if (edge.family != family_of(type_)) continue;
        append_rr(out_.bytes_, type_, profile_->ttl_min, edge);
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
  std::vector<std::optional<Ring>> rings_;  // 2 * region + pressed
  std::map<std::vector<RegionId>, Ring> all_rings_;
};

AnswerSets::TtlRange AnswerSets::ttl_in_force(const PolicyTables& tables, PolicyNameId name) const {
  const std::size_t index = tables.profile_of(name);
  const PolicyTables::Profile& profile = tables.profiles()[index];
  TtlRange range{profile.ttl_max, profile.ttl_min};
  for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
    if (!tables.has(name, type)) continue;
    for (PolicyTables::ClassId id = 0; id < tables.compiled()[profile.policy].classes.size(); ++id) {
      const std::uint32_t ttl = slot(index, type, id).pressed ? profile.ttl_min : profile.ttl_max;
      range.lowest = std::min(range.lowest, ttl);
      range.highest = std::max(range.highest, ttl);
    }
  }
  return range;
}

std::shared_ptr<const AnswerSets> AnswerSets::build(const PolicyTables& tables, HealthView health) {
  auto out = std::make_shared<AnswerSets>();
  out->health_ = std::move(health);
  AnswerSetsBuilder builder(tables, *out);
  for (const PolicyTables::Profile& profile : tables.profiles()) {
    builder.add(profile, AddressType::a);
    builder.add(profile, AddressType::aaaa);
  }
  return out;
}

}  // namespace dns
