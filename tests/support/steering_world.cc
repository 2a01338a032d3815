#include "tests/support/steering_world.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "shared/core/hash.h"

namespace test {
namespace {

using namespace dns;
using shared::Family;
using shared::IpAddress;
using shared::Prefix;

// --- making things up

IpAddress random_v4(Random& random) {
  IpAddress out;
  for (std::size_t i = 0; i < 4; ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(random.one_in(6) ? random.below(256) : random.below(3));
  }
  return out;
}

IpAddress with_v4_at(const char* base, std::size_t offset, const IpAddress& v4, std::uint8_t flip) {
  IpAddress out = *IpAddress::parse(base);
  for (std::size_t i = 0; i < 4; ++i) out.bytes[offset + i] = v4.bytes[i] ^ flip;
  return out;
}

IpAddress random_v6(Random& random) {
  switch (random.below(8)) {
    case 0:
      return with_v4_at("::ffff:0:0", 12, random_v4(random), 0);
    case 1:
      return with_v4_at("64:ff9b::", 12, random_v4(random), 0);
    case 2:
      return with_v4_at("2002::", 2, random_v4(random), 0);
    case 3:
      return with_v4_at("2001:0:4136:e378:8000:63bf::", 12, random_v4(random), 0xFF);
    default:
      break;
  }
  IpAddress out = *IpAddress::parse(random.one_in(2) ? "2001:db8::" : random.one_in(2) ? "2003::" : "::");
  for (std::size_t i = 4; i < 9; ++i) out.bytes[i] = static_cast<std::uint8_t>(random.below(3));
  if (random.one_in(3)) out.bytes[15] = static_cast<std::uint8_t>(random.bits());
  return out;
}

Prefix random_prefix(Random& random) {
  const IpAddress address = random_address(random);
  const unsigned bits = shared::bits_of(address.family);
  const unsigned length = random.one_in(8) ? random.below(bits + 1) : bits / 4 + random.below(bits / 2 + 1);
  return {address.masked(length), static_cast<std::uint8_t>(length)};
}

std::vector<Region> random_regions(Random& random) {
  std::vector<Region> regions;
  const unsigned count = 1 + random.below(5);
  const bool with_v6 = !random.one_in(3);
  for (unsigned r = 0; r < count; ++r) {
    Region region{"r" + std::to_string(r), Location{random.below(120) - 60.0, random.below(300) - 150.0}, {}};
    const unsigned v4 = 1 + random.below(4);
    for (unsigned i = 0; i < v4; ++i) region.edges.push_back(IpAddress::v4(0xC6336400 + 16 * r + i));
    const unsigned v6 = with_v6 ? 1 + random.below(3) : 0;
    for (unsigned i = 0; i < v6; ++i) {
      IpAddress edge = *IpAddress::parse("2001:db8:ff::");
      edge.bytes[15] = static_cast<std::uint8_t>(16 * r + i);
      region.edges.push_back(edge);
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

RegionId random_region(Random& random, const std::vector<Region>& regions) {
  return static_cast<RegionId>(random.below(static_cast<unsigned>(regions.size())));
}

Order random_order(Random& random, const std::vector<Region>& regions) {
  Order order;
  const unsigned elements = 1 + random.below(3);
  for (unsigned e = 0; e < elements; ++e) {
    Element element;
    std::set<RegionId> seen;
    const unsigned members = random.one_in(3) ? 1 + random.below(3) : 1;
    for (unsigned m = 0; m < members; ++m) {
      const RegionId region = random_region(random, regions);
      if (seen.insert(region).second) element.push_back({region, static_cast<std::uint16_t>(1 + random.below(5))});
    }
    order.push_back(std::move(element));
  }
  return order;
}

std::vector<SubnetRow> random_subnets(Random& random, const std::vector<Region>& regions) {
  std::vector<SubnetRow> rows;
  std::set<Prefix> seen;
  const unsigned count = 1 + random.below(4);
  for (unsigned i = 0; i < count; ++i) {
    const Prefix prefix = random_prefix(random);
    if (seen.insert(prefix).second) rows.push_back({prefix, random_order(random, regions), {}});
  }
  return rows;
}

// A place that the database knows, or one around it.
GeoCode random_place(Random& random, const std::vector<GeoFact>& facts) {
  const std::string& text = random.of(facts).record.code.text();
  const std::size_t cut = random.one_in(2) ? text.find('-') : text.rfind('-');
  return *GeoCode::parse(random.one_in(2) ? text : text.substr(0, cut));
}

template <class Row, class MakeRow>
std::vector<Row> random_rows(Random& random, const std::vector<GeoFact>& facts, const MakeRow& make) {
  std::vector<Row> rows;
  std::set<GeoCode> seen;
  const unsigned count = 1 + random.below(3);
  for (unsigned i = 0; i < count; ++i) {
    const GeoCode place = random_place(random, facts);
    if (seen.insert(place).second) rows.push_back(make(place));
  }
  return rows;
}

std::vector<AsnRow> random_asn_rows(Random& random, const std::vector<Region>& regions) {
  std::vector<AsnRow> rows;
  for (std::uint32_t asn = 64500; asn < 64504; ++asn) {
    if (!random.one_in(3)) rows.push_back({asn, random_order(random, regions), {}});
  }
  return rows;
}

Step random_step(Random& random, const std::vector<Region>& regions, const std::vector<GeoFact>& facts) {
  const auto geo_row = [&](const GeoCode& place) { return GeoRow{place, random_order(random, regions), {}}; };
  const auto fence_row = [&](const GeoCode& place) {
    FenceRow row{place, {}, {}};
    for (std::size_t r = 0; r < regions.size(); ++r) {
      if (!random.one_in(3)) row.regions.push_back(static_cast<RegionId>(r));
    }
    return row;
  };
  switch (random.below(7)) {
    case 0:
      return {SubnetsStep{random_subnets(random, regions)}, {}};
    case 1:
      return {ResolversStep{random_subnets(random, regions)}, {}};
    case 2:
      return {NearestStep{std::vector<std::int8_t>(regions.size(), random.one_in(2) ? 0 : 30)}, {}};
    case 3:
      return {FenceStep{random_rows<FenceRow>(random, facts, fence_row)}, {}};
    case 4:
      return {FailoverStep{random_order(random, regions)}, {}};
    case 5:
      return {AsnStep{random_asn_rows(random, regions)}, {}};
    default:
      return {GeoStep{random_rows<GeoRow>(random, facts, geo_row)}, {}};
  }
}

std::vector<GeoFact> random_facts(Random& random) {
  std::vector<GeoFact> facts;
  const unsigned count = 3 + random.below(12);
  for (unsigned i = 0; i < count; ++i) {
    static const std::vector<const char*> kPlaces = {"EU",       "EU-DE",    "EU-IE-L", "NA-US",
                                                     "NA-US-CA", "NA-US-VA", "AS-JP"};
    GeoRecord record{*GeoCode::parse(random.of(kPlaces)), std::nullopt, 64500 + random.below(4)};
    if (i == 0 || !random.one_in(3))
      record.location = Location{random.below(8) * 15.0 - 60, random.below(8) * 40.0 - 160};
    facts.push_back({random_prefix(random), record});
  }
  return facts;
}

std::shared_ptr<const GeoDatabase> database_of(const std::vector<GeoFact>& facts) {
  std::vector<GeoRecord> records(1);
  std::vector<shared::PrefixRow> rows;
  for (const GeoFact& fact : facts) {
    rows.push_back({fact.prefix, static_cast<std::uint32_t>(records.size())});
    records.push_back(fact.record);
  }
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{"made-up", "test"}, std::move(records),
                                             shared::PrefixTable::from_rows(std::move(rows), 0));
}

std::vector<GeoFact> random_systems(Random& random) {
  std::vector<GeoFact> facts;
  const unsigned count = 3 + random.below(12);
  for (unsigned i = 0; i < count; ++i) {
    facts.push_back({random_prefix(random), GeoRecord{{}, std::nullopt, 64500 + random.below(4)}});
  }
  return facts;
}

std::vector<Correction> random_corrections(Random& random) {
  std::vector<Correction> rows;
  std::set<Prefix> seen;
  const unsigned count = random.below(6);
  for (unsigned i = 0; i < count; ++i) {
    Correction row{random_prefix(random), std::nullopt, std::nullopt, std::nullopt};
    if (random.one_in(2)) row.code = *GeoCode::parse(random.one_in(2) ? "EU-FR" : "NA-US-CA");
    if (row.code || random.one_in(2)) row.location = Location{random.below(9) * 10.0, random.below(9) * 20.0};
    if (random.one_in(2)) row.asn = 64500 + random.below(4);
    if (seen.insert(row.prefix).second) rows.push_back(row);
  }
  return rows;
}

// As dns/load does: a row goes to the database that knows what it corrects.
void add_databases(Random& random, SteeringWorld& world) {
  world.corrections = random_corrections(random);
  world.spec.geo = corrected(*database_of(world.facts), world.corrections);
  if (random.one_in(2)) return;
  world.systems = random_systems(random);
  world.spec.asn = corrected(*database_of(world.systems), world.corrections);
}

Policy random_policy(Random& random, const SteeringWorld& world, std::size_t number) {
  Policy policy{"p" + std::to_string(number), {}, {}};
  const unsigned steps = random.below(5);
  for (unsigned i = 0; i < steps; ++i) policy.steps.push_back(random_step(random, world.spec.regions, world.facts));
  Order everything;
  for (std::size_t r = 0; r < world.spec.regions.size(); ++r)
    everything.push_back({Member{static_cast<RegionId>(r), 1}});
  policy.steps.push_back({FailoverStep{everything}, {}});
  return policy;
}

// --- the reference

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

Seen see(const SteeringWorld& world, const Client& client) {
  Seen seen;
  seen.by_subnet = client.subnet && client.subnet->source > 0;
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

std::vector<IpAddress> edges_in(const Region& region, const RegionView& view, Family family, EdgeState state) {
  std::vector<IpAddress> out;
  for (std::size_t i = 0; i < region.edges.size(); ++i) {
    if (region.edges[i].family == family && view.edges[i] == state) out.push_back(region.edges[i]);
  }
  return out;
}

// What a region offers in one round of use: 0 up, 1 full, 2 drained.
std::vector<IpAddress> offer(const Region& region, const RegionView& view, Family family, int round) {
  const auto up = edges_in(region, view, family, EdgeState::up);
  if (!up.empty()) return round == (view.full ? 1 : 0) ? up : std::vector<IpAddress>{};
  return round == 2 ? edges_in(region, view, family, EdgeState::drained) : std::vector<IpAddress>{};
}

std::vector<IpAddress> everything(const Order& order, const SteeringWorld& world, const HealthView& health,
                                  Family family) {
  std::vector<IpAddress> unforced;
  std::vector<IpAddress> all;
  for (const Element& element : order) {
    for (const Member& member : element) {
      for (const IpAddress& edge : world.spec.regions[index_of(member.region)].edges) {
        if (edge.family != family) continue;
        all.push_back(edge);
        if (!health.regions[index_of(member.region)].forced) unforced.push_back(edge);
      }
    }
  }
  return unforced.empty() ? all : unforced;
}

}  // namespace

IpAddress random_address(Random& random) { return random.one_in(2) ? random_v4(random) : random_v6(random); }

Client random_client(Random& random) {
  Client client{random_address(random), std::nullopt, random.bits()};
  if (random.one_in(5)) return client;
  const IpAddress address = random_address(random);
  const auto source = static_cast<std::uint8_t>(random.below(shared::bits_of(address.family) + 1u));
  client.subnet = ClientSubnet{address.masked(source), source};
  return client;
}

SteeringWorld random_steering(Random& random) {
  SteeringWorld world;
  world.spec.regions = random_regions(random);
  world.spec.seed = random.bits();
  world.facts = random_facts(random);
  add_databases(random, world);
  for (std::size_t i = 0; i < 2; ++i) world.spec.policies.push_back(random_policy(random, world, i));
  for (std::size_t i = 0; i < 4; ++i) {
    SteeredName name;
    name.name = "n" + std::to_string(i);
    name.policy = i % 2;
    name.answers = static_cast<std::uint16_t>(random.below(4));
    name.when_all_down = static_cast<WhenAllDown>(random.below(3));
    if (random.one_in(4)) name.families = std::vector<Family>{Family::ipv4};
    world.spec.names.push_back(name);
  }
  return world;
}

HealthView random_health(Random& random, const std::vector<Region>& regions) {
  HealthView view = HealthView::all_up(regions);
  const unsigned trouble = random.below(4);  // none to much
  for (RegionView& region : view.regions) {
    for (EdgeState& edge : region.edges) {
      if (random.below(4) < trouble) edge = random.one_in(3) ? EdgeState::drained : EdgeState::down;
    }
    region.full = random.below(8) < trouble;
    region.forced = random.below(8) < trouble;
    region.pressure = random.below(8) < trouble;
  }
  return view;
}

Expected expect(const SteeringWorld& world, const HealthView& health, std::size_t name, AddressType type,
                const Client& client) {
  const SteeredName& steered = world.spec.names[name];
  const Family family = type == AddressType::a ? Family::ipv4 : Family::ipv6;
  const auto& some = world.spec.regions.front().edges;
  Expected out;
  out.exists = std::ranges::any_of(some, [family](const IpAddress& edge) { return edge.family == family; }) &&
               (!steered.families || family == Family::ipv4);
  if (!out.exists) return out;

  const Order order = order_for(world.spec.policies[steered.policy], world, see(world, client));
  for (int round = 0; round < 3; ++round) {
    bool pressed = round == 2;
    for (const Element& element : order) {
      for (const Member& member : element) {
        const RegionView& view = health.regions[index_of(member.region)];
        pressed = pressed || view.pressure;
        out.group.push_back({offer(world.spec.regions[index_of(member.region)], view, family, round), member.weight});
      }
      if (std::ranges::all_of(out.group, [](const auto& candidate) { return candidate.ring.empty(); })) {
        out.group.clear();
        continue;
      }
      out.limit = steered.answers;
      out.ttl = static_cast<std::uint32_t>((pressed ? steered.ttl_min : steered.ttl_max).count());
      return out;
    }
  }
  out.ttl = static_cast<std::uint32_t>(steered.ttl_min.count());
  out.refuse = steered.when_all_down == WhenAllDown::refuse;
  if (steered.when_all_down == WhenAllDown::answer_all) out.group = {{everything(order, world, health, family), 1}};
  return out;
}

std::vector<IpAddress> expected_answer(const Expected& expected, const SteeringWorld& world, std::size_t name,
                                       const Client& client, std::uint8_t scope) {
  if (expected.group.empty()) return {};
  const Policy& policy = world.spec.policies[world.spec.names[name].policy];
  const std::uint64_t seed = shared::hash_text(world.spec.seed, policy.name);
  std::uint64_t first = shared::mix(seed ^ client.entropy);
  if (client.subnet && client.subnet->source > 0) {
    const auto embedded = shared::embedded_ipv4(client.subnet->address);
    const IpAddress address = embedded ? embedded->address : client.subnet->address;
    const IpAddress block = address.masked(scope - (embedded ? embedded->shift : 0U));
    const std::size_t size = shared::bits_of(block.family) / 8;
    first = shared::hash_bytes(seed, {block.bytes.data(), size});
  }
  // Tickets in a hat, as many as the weights; a region that cannot be used is taken out and another ticket drawn.
  auto left = expected.group;
  for (std::uint64_t draw = first;; draw = shared::mix(draw + 0x9E3779B97F4A7C15ULL)) {
    std::vector<std::size_t> hat;
    for (std::size_t i = 0; i < left.size(); ++i) hat.insert(hat.end(), left[i].weight, i);
    const std::size_t drawn = hat[shared::hash_to_index(draw, static_cast<std::uint32_t>(hat.size()))];
    const auto ring = left[drawn].ring;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(drawn));
    if (ring.empty()) continue;
    if (expected.limit == 0 || expected.limit >= ring.size()) return ring;
    std::vector<IpAddress> window;
    const std::uint32_t start = shared::hash_to_index(shared::mix(~first), static_cast<std::uint32_t>(ring.size()));
    for (std::size_t i = 0; i < expected.limit; ++i) window.push_back(ring[(start + i) % ring.size()]);
    return window;
  }
}

std::vector<RegionId> regions_for(const SteeringWorld& world, std::size_t name, const Client& client) {
  std::vector<RegionId> out;
  for (const Element& element :
       order_for(world.spec.policies[world.spec.names[name].policy], world, see(world, client))) {
    for (const Member& member : element) out.push_back(member.region);
  }
  return out;
}

Decoded decode(const Choice& choice, AddressType type) {
  Decoded out;
  out.refuse = choice.refuse;
  const std::size_t size = AnswerSets::rr_size(type);
  for (std::size_t i = 0; i < choice.count; ++i) {
    const auto rr = choice.rrs.subspan(i * size, size);
    out.ttls.insert(std::uint32_t{rr[6]} << 24 | std::uint32_t{rr[7]} << 16 | std::uint32_t{rr[8]} << 8 | rr[9]);
    IpAddress address;
    address.family = type == AddressType::a ? Family::ipv4 : Family::ipv6;
    std::copy(rr.begin() + 12, rr.end(), address.bytes.begin());
    out.addresses.push_back(address);
  }
  return out;
}

}  // namespace test
