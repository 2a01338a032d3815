#include "tests/support/steering_reference.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <ostream>
#include <utility>

#include "shared/core/hash.h"

namespace test {
namespace {

using namespace dns;
using shared::Family;
using shared::IpAddress;

// The row whose prefix is the longest around the address; of equal ones, the last.
template <class Row>
const Row* longest(const std::vector<Row>& rows, const IpAddress& address) {
  const Row* best = nullptr;
  for (const Row& row : rows) {
    if (row.prefix.contains(address) && (best == nullptr || row.prefix.length >= best->prefix.length)) best = &row;
  }
  return best;
}

template <class Row>
const Row* finest(const std::vector<Row>& rows, const GeoCode& code) {
  const Row* best = nullptr;
  for (const Row& row : rows) {
    const std::string& text = row.code.text();
    const bool inside = code.text() == text || code.text().starts_with(text + "-");
    if (inside && (best == nullptr || text.size() > best->code.text().size())) best = &row;
  }
  return best;
}

struct Seen {
  IpAddress address;
  bool by_subnet = false;
  GeoRecord record;
};

// RFC 7871 section 10: such an address says nothing of where a client is.
const shared::Prefix* private_block(const IpAddress& address) {
  static const std::vector<shared::Prefix> kBlocks = [] {
    std::vector<shared::Prefix> blocks;
    for (const char* block : {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                              "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10"}) {
      blocks.push_back(*shared::Prefix::parse(block));
    }
    return blocks;
  }();
  const auto found = std::ranges::find_if(kBlocks, [&](const auto& block) { return block.contains(address); });
  return found == kBlocks.end() ? nullptr : &*found;
}

// Unless the policy has a row for it, and for nothing beyond the block.
bool has_own_row(const Policy& policy, const IpAddress& address, const shared::Prefix& block) {
  return std::ranges::any_of(policy.steps, [&](const Step& step) {
    const auto* subnets = std::get_if<SubnetsStep>(&step.what);
    return subnets != nullptr && std::ranges::any_of(subnets->rows, [&](const SubnetRow& row) {
             return block.contains(row.prefix) && row.prefix.contains(address);
           });
  });
}

// The query says whose it is, and that says where he is.
bool says_who_asks(const Policy& policy, const Client& client) {
  if (!client.subnet || client.subnet->source == 0) return false;
  const auto embedded = shared::embedded_ipv4(client.subnet->address);
  const IpAddress address = embedded ? embedded->address : client.subnet->address;
  const shared::Prefix* const block = private_block(address);
  return block == nullptr || has_own_row(policy, address, *block);
}

Seen see(const SteeringWorld& world, const Policy& policy, const Client& client) {
  Seen seen;
  seen.by_subnet = says_who_asks(policy, client);
  seen.address = seen.by_subnet ? client.subnet->address : client.resolver;
  if (const auto embedded = shared::embedded_ipv4(seen.address)) seen.address = embedded->address;
  if (const GeoFact* fact = longest(world.facts, seen.address)) seen.record = fact->record;
  if (world.spec.asn != nullptr) {
    const GeoFact* const fact = longest(world.systems, seen.address);
    seen.record.asn = fact == nullptr ? 0 : fact->record.asn;
  }
  if (const Correction* row = longest(world.corrections, seen.address)) {
    if (row->code) seen.record.code = *row->code;
    if (row->location) seen.record.location = row->location;
    if (row->asn) seen.record.asn = *row->asn;
  }
  return seen;
}

Order by_distance(const NearestStep& step, const std::vector<Region>& regions, const Location& from) {
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t r = 0; r < regions.size(); ++r) {
    if (!regions[r].location) continue;
    const double kilometres = distance_km(from, *regions[r].location);
    ranked.emplace_back(kilometres * (100 - step.bias[r]) / 100, r);
  }
  std::ranges::sort(ranked);
  Order order;
  for (const auto& [kilometres, r] : ranked) order.push_back({Member{static_cast<RegionId>(r), 1}});
  return order;
}

Order list_of(const Step& step, const SteeringWorld& world, const Seen& seen) {
  const SubnetRow* subnet = nullptr;
  if (const auto* subnets = std::get_if<SubnetsStep>(&step.what)) subnet = longest(subnets->rows, seen.address);
  const auto* resolvers = std::get_if<ResolversStep>(&step.what);
  if (resolvers != nullptr && !seen.by_subnet) subnet = longest(resolvers->rows, seen.address);
  if (subnet != nullptr) return subnet->order;
  if (const auto* systems = std::get_if<AsnStep>(&step.what)) {
    for (const AsnRow& row : systems->rows) {
      if (row.asn == seen.record.asn) return row.order;
    }
  }
  if (const auto* geo = std::get_if<GeoStep>(&step.what)) {
    const GeoRow* row = finest(geo->rows, seen.record.code);
    return row == nullptr ? Order{} : row->order;
  }
  const auto* nearest = std::get_if<NearestStep>(&step.what);
  if (nearest != nullptr && seen.record.location)
    return by_distance(*nearest, world.spec.regions, *seen.record.location);
  if (const auto* failover = std::get_if<FailoverStep>(&step.what)) return failover->order;
  return {};
}

// Concatenate, keep first mentions, then let the fences filter.
Order order_for(const Policy& policy, const SteeringWorld& world, const Seen& seen) {
  std::set<RegionId> allowed;
  for (std::size_t r = 0; r < world.spec.regions.size(); ++r) allowed.insert(static_cast<RegionId>(r));
  for (const Step& step : policy.steps) {
    const auto* fence = std::get_if<FenceStep>(&step.what);
    const FenceRow* row = fence == nullptr ? nullptr : finest(fence->rows, seen.record.code);
    if (row == nullptr) continue;
    std::erase_if(allowed, [&](RegionId id) { return std::ranges::find(row->regions, id) == row->regions.end(); });
  }
  Order order;
  std::set<RegionId> mentioned;
  for (const Step& step : policy.steps) {
    for (const Element& element : list_of(step, world, seen)) {
      Element kept;
      for (const Member& member : element) {
        if (mentioned.insert(member.region).second && allowed.contains(member.region)) kept.push_back(member);
      }
      if (!kept.empty()) order.push_back(kept);
    }
  }
  return order;
}

std::vector<IpAddress> edges_in(const Region& region, const RegionView& view, Family family,
                                const std::set<EdgeState>& states) {
  std::vector<IpAddress> out;
  for (std::size_t i = 0; i < region.edges.size(); ++i) {
    if (region.edges[i].family == family && states.contains(view.edges[i])) out.push_back(region.edges[i]);
  }
  return out;
}

// The round in which something is used: 0 up, 1 full, 2 not known, 3 drained or held down, 4 never.
constexpr int kLastRound = 3;

int round_of(const std::set<EdgeState>& states, bool full) {
  if (states.contains(EdgeState::up)) return full ? 1 : 0;
  if (states.contains(EdgeState::unknown)) return 2;
  return states.contains(EdgeState::drained) || states.contains(EdgeState::held_down) ? 3 : 4;
}

int round_of(const Region& region, const RegionView& view, Family family) {
  std::set<EdgeState> states;
  for (std::size_t i = 0; i < region.edges.size(); ++i) {
    if (region.edges[i].family == family) states.insert(view.edges[i]);
  }
  return round_of(states, view.full);
}

// A name that may be a CNAME for some client chooses for all types at once: a region counts as its worst family does.
int round_of(const Region& region, const RegionView& view, const std::vector<Family>& families) {
  if (region.cname) return round_of({view.edges.begin(), view.edges.end()}, view.full);
  int worst = 0;
  for (const Family family : families) worst = std::max(worst, round_of(region, view, family));
  return worst;
}

// What a region answers when its round has come.
std::vector<IpAddress> offer(const Region& region, const RegionView& view, Family family) {
  const auto up = edges_in(region, view, family, {EdgeState::up});
  const auto unknown = edges_in(region, view, family, {EdgeState::unknown});
  if (!up.empty() || !unknown.empty()) return up.empty() ? unknown : up;
  return edges_in(region, view, family, {EdgeState::held_down, EdgeState::drained});
}

// All regions that the operator has not taken out, or simply all; the first platform only if there is nothing else.
Expected::Candidate everything(const Order& order, const SteeringWorld& world, const HealthView& health,
                               const std::vector<Family>& families) {
  std::vector<const Region*> all;
  std::vector<const Region*> unforced;
  for (const Element& element : order) {
    for (const Member& member : element) {
      all.push_back(&world.spec.regions[index_of(member.region)]);
      if (!health.regions[index_of(member.region)].forced) unforced.push_back(all.back());
    }
  }
  Expected::Candidate out{true, {}, ""};
  const auto& chosen = unforced.empty() ? all : unforced;
  bool own = false;
  for (const Region* region : chosen) {
    if (region->cname) continue;
    own = true;
    for (const IpAddress& edge : region->edges) {
      if (std::ranges::count(families, edge.family) > 0) out.ring.push_back(edge);
    }
  }
  if (!own) out.cname = chosen.front()->cname->to_text();
  return out;
}

std::uint32_t seconds_of(shared::Duration time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

Expected expect_alias(const SteeringWorld& world, const AliasView& aliases, std::size_t name, AddressType type) {
  Expected out;
  const std::size_t index = name - kSteeredNames;
  AliasAnswer known;
  if (index < aliases.targets.size()) known = aliases.targets[index][static_cast<std::size_t>(type)];
  out.fail = known.state == AliasAnswer::State::unknown;
  if (out.fail) return out;
  const SteeredName& alias = world.spec.names[name];
  const auto least = seconds_of(alias.ttl.min);
  out.ttl = known.state == AliasAnswer::State::stale ? least : std::clamp(known.ttl, least, seconds_of(alias.ttl.max));
  out.group = {{true, known.addresses, ""}};
  return out;
}

}  // namespace

bool has_platforms(const SteeringWorld& world) {
  return std::ranges::any_of(world.spec.regions, [](const Region& region) { return region.cname.has_value(); });
}

std::vector<Family> families_of(const SteeringWorld& world, std::size_t name) {
  std::vector<Family> out;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto& said = world.spec.names[name].families;
    if (said && std::ranges::count(*said, family) == 0) continue;
    const auto has = [family](const Region& region) {
      return !region.cname && std::ranges::count(region.edges, family, &IpAddress::family) > 0;
    };
    if (std::ranges::any_of(world.spec.regions, has)) out.push_back(family);
  }
  return out;
}

Expected expect(const SteeringWorld& world, const Beliefs& beliefs, std::size_t name, AddressType type,
                const Client& client) {
  if (name >= kSteeredNames) return expect_alias(world, beliefs.aliases, name, type);
  const SteeredName& steered = world.spec.names[name];
  const Family family = type == AddressType::a ? Family::ipv4 : Family::ipv6;
  const auto families = families_of(world, name);
  const bool exists = std::ranges::count(families, family) > 0;
  Expected out;
  if (!exists && !has_platforms(world)) return out;

  const auto asked = exists ? std::vector{family} : std::vector<Family>{};
  const auto& judged = has_platforms(world) ? families : asked;
  const Policy& policy = world.spec.policies[steered.policy];
  const Order order = order_for(policy, world, see(world, policy, client));
  bool some_down = false;
  for (const Element& element : order) {
    for (const Member& member : element) {
      const std::size_t region = index_of(member.region);
      const int usable = round_of(world.spec.regions[region], beliefs.health.regions[region], judged);
      some_down = some_down || usable > kLastRound;
    }
  }
  for (int round = 0; round <= kLastRound; ++round) {
    bool pressed = round == 2 || (round == kLastRound && some_down);
    for (const Element& element : order) {
      out.group.clear();
      for (const Member& member : element) {
        const Region& region = world.spec.regions[index_of(member.region)];
        const RegionView& view = beliefs.health.regions[index_of(member.region)];
        pressed = pressed || view.pressure;
        Expected::Candidate candidate{round_of(region, view, judged) == round, {}, "", member.weight};
        if (region.cname) candidate.cname = region.cname->to_text();
        if (!region.cname && exists) candidate.ring = offer(region, view, family);
        out.group.push_back(std::move(candidate));
      }
      if (std::ranges::none_of(out.group, &Expected::Candidate::usable)) continue;
      out.limit = steered.answers;
      out.ttl = seconds_of(pressed ? steered.ttl.min : steered.ttl.max);
      return out;
    }
  }
  out.group.clear();
  out.ttl = seconds_of(steered.ttl.min);
  out.refuse = steered.when_all_down == WhenAllDown::refuse;
  if (steered.when_all_down == WhenAllDown::answer_all) {
    out.group = {everything(order, world, beliefs.health, asked)};
  }
  return out;
}

namespace {

// What the whole address space's draws begin with.
std::uint64_t first_draw(const SteeringWorld& world, std::size_t name, const Client& client, std::uint8_t scope) {
  const Policy& policy = world.spec.policies[world.spec.names[name].policy];
  const std::uint64_t seed = shared::hash_text(world.spec.seed, policy.name);
  if (!client.subnet || client.subnet->source == 0) return shared::mix(seed ^ client.entropy);
  const IpAddress from = says_who_asks(policy, client) ? client.subnet->address : client.resolver;
  const auto embedded = shared::embedded_ipv4(from);
  const IpAddress address = embedded ? embedded->address : from;
  // All clients of a private block are given the same, by the resolver that asks for them.
  const IpAddress block =
      says_who_asks(policy, client) ? address.masked(scope - (embedded ? embedded->shift : 0U)) : address;
  return shared::hash_bytes(seed, {block.bytes.data(), std::size_t{shared::bits_of(block.family)} / 8});
}

// Tickets in a hat, as many as the weights; what cannot be used is taken out and another ticket drawn.
Expected::Candidate draw(std::vector<Expected::Candidate> left, std::uint64_t first) {
  if (left.size() == 1) return left.front();
  for (std::uint64_t draw = first;; draw = shared::mix(draw + 0x9E3779B97F4A7C15ULL)) {
    std::vector<std::size_t> hat;
    for (std::size_t i = 0; i < left.size(); ++i) hat.insert(hat.end(), left[i].weight, i);
    const std::size_t drawn = hat[shared::hash_to_index(draw, static_cast<std::uint32_t>(hat.size()))];
    if (left[drawn].usable) return left[drawn];
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(drawn));
  }
}

}  // namespace

Decoded expected_answer(const Expected& expected, const SteeringWorld& world, std::size_t name, const Client& client,
                        std::uint8_t scope) {
  Decoded out{.refuse = expected.refuse, .fail = expected.fail, .addresses = {}, .cname = "", .ttls = {}};
  if (expected.group.empty()) return out;
  const std::uint64_t first = first_draw(world, name, client, scope);
  const Expected::Candidate drawn = draw(expected.group, first);
  out.cname = drawn.cname;
  const auto& ring = drawn.ring;
  if (expected.limit == 0 || expected.limit >= ring.size()) {
    out.addresses = ring;
  } else {
    const std::uint32_t start = shared::hash_to_index(shared::mix(~first), static_cast<std::uint32_t>(ring.size()));
    for (std::size_t i = 0; i < expected.limit; ++i) out.addresses.push_back(ring[(start + i) % ring.size()]);
  }
  if (!out.addresses.empty() || !out.cname.empty()) out.ttls = {expected.ttl};
  return out;
}

std::vector<RegionId> regions_for(const SteeringWorld& world, std::size_t name, const Client& client) {
  std::vector<RegionId> out;
  const Policy& policy = world.spec.policies[world.spec.names[name].policy];
  for (const Element& element : order_for(policy, world, see(world, policy, client))) {
    for (const Member& member : element) out.push_back(member.region);
  }
  return out;
}

void PrintTo(const Decoded& decoded, std::ostream* out) {
  if (decoded.refuse) *out << "refused ";
  if (decoded.fail) *out << "failed ";
  for (const IpAddress& address : decoded.addresses) *out << address.to_string() << ' ';
  if (!decoded.cname.empty()) *out << "CNAME " << decoded.cname << ' ';
  for (const std::uint32_t ttl : decoded.ttls) *out << "ttl " << ttl;
}

Decoded decode(const Choice& choice, AddressType type) {
  Decoded out;
  out.refuse = choice.refuse;
  out.fail = choice.fail;
  const std::size_t size = choice.is_cname() ? choice.rrset.wire.size() : AnswerSets::rr_size(type);
  for (std::size_t i = 0; i < choice.rrset.count; ++i) {
    const auto rr = choice.rrset.wire.subspan(i * size, size);
    out.ttls.insert(std::uint32_t{rr[6]} << 24 | std::uint32_t{rr[7]} << 16 | std::uint32_t{rr[8]} << 8 | rr[9]);
    if (choice.is_cname()) {
      out.cname = name_to_text(rr.subspan(12));
      continue;
    }
    IpAddress address;
    address.family = type == AddressType::a ? Family::ipv4 : Family::ipv6;
    std::copy(rr.begin() + 12, rr.end(), address.bytes.begin());
    out.addresses.push_back(address);
  }
  return out;
}

}  // namespace test
