#include "tests/support/steering_world.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "shared/core/hash.h"

namespace test {
namespace {

using namespace dns;
using shared::Family;
using shared::IpAddress;
using shared::Prefix;

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

// Such as resolvers send for the networks behind them: private, one way or another, at the border of it or just beside.
IpAddress random_private(Random& random) {
  static constexpr const char* kAddresses[] = {
      "10.0.0.0",        "10.1.2.3",       "9.255.255.255",  "11.0.0.0",   "100.64.1.2",  "100.128.0.0",
      "127.0.0.1",       "169.254.1.1",    "172.16.0.1",     "172.32.0.0", "192.168.7.1", "192.169.0.0",
      "fd00::7",         "fe80::1",        "febf::1",        "fec0::1",    "::1",         "::2",
      "::ffff:10.1.2.3", "64:ff9b::a00:1", "2002:c0a8:101::"};
  return *IpAddress::parse(kAddresses[random.below(std::size(kAddresses))]);
}

Prefix random_prefix(Random& random) {
  const IpAddress address = random.one_in(6) ? random_private(random) : random_address(random);
  const unsigned bits = shared::bits_of(address.family);
  const unsigned length = random.one_in(8) ? random.below(bits + 1) : bits / 4 + random.below(bits / 2 + 1);
  return {address.masked(length), static_cast<std::uint8_t>(length)};
}

// Somebody else's: sometimes probed at an address of its own, sometimes everywhere at once.
Region random_platform(Random& random, unsigned number) {
  Region region{"r" + std::to_string(number), std::nullopt, {}};
  region.cname = *Name::from_text("r" + std::to_string(number) + ".platform.example.");
  if (random.one_in(2)) region.location = Location{random.below(120) - 60.0, random.below(300) - 150.0};
  const unsigned probed = random.below(3);
  for (unsigned i = 0; i < probed; ++i) region.edges.push_back(IpAddress::v4(0xCB007100 + 16 * number + i));
  return region;
}

std::vector<Region> random_regions(Random& random) {
  std::vector<Region> regions;
  const unsigned count = 1 + random.below(5);
  const bool with_v6 = !random.one_in(3);
  const bool with_platforms = random.one_in(3);
  for (unsigned r = 0; r < count; ++r) {
    if (with_platforms && random.one_in(3)) {
      regions.push_back(random_platform(random, r));
      continue;
    }
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

AliasAnswer random_alias(Random& random, AddressType type) {
  AliasAnswer out;
  out.state = static_cast<AliasAnswer::State>(random.below(3));
  out.ttl = random.below(120);
  const unsigned count = out.state == AliasAnswer::State::unknown ? 0 : random.below(4);
  for (unsigned i = 0; i < count; ++i) {
    IpAddress address = IpAddress::v4(0xC0000200 + i);
    if (type == AddressType::aaaa) {
      address = *IpAddress::parse("2001:db8:a::");
      address.bytes[15] = static_cast<std::uint8_t>(i);
    }
    out.addresses.push_back(address);
  }
  return out;
}

}  // namespace

IpAddress random_address(Random& random) { return random.one_in(2) ? random_v4(random) : random_v6(random); }

Client random_client(Random& random) {
  Client client{random_address(random), std::nullopt, random.bits()};
  if (random.one_in(5)) return client;
  const IpAddress address = random.one_in(4) ? random_private(random) : random_address(random);
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
  for (std::size_t i = 0; i < kSteeredNames; ++i) {
    SteeredName name;
    name.name = "n" + std::to_string(i);
    name.policy = i % 2;
    name.answers = static_cast<std::uint16_t>(random.below(4));
    name.when_all_down = static_cast<WhenAllDown>(random.below(3));
    if (random.one_in(4)) name.families = std::vector<Family>{Family::ipv4};
    world.spec.names.push_back(name);
  }
  while (world.spec.names.size() < kNames) {
    SteeredName name;
    name.name = "n" + std::to_string(world.spec.names.size());
    name.alias = *Name::from_text(name.name + ".elsewhere.example.");
    world.spec.names.push_back(std::move(name));
  }
  return world;
}

Beliefs random_beliefs(Random& random, const SteeringWorld& world) {
  Beliefs out{HealthView::all_up(world.spec.regions), {}};
  const unsigned trouble = random.below(4);  // none to much
  for (RegionView& region : out.health.regions) {
    for (EdgeState& edge : region.edges) {
      if (random.below(4) >= trouble) continue;
      edge = EdgeState::down;
      if (random.one_in(2)) edge = static_cast<EdgeState>(random.below(static_cast<unsigned>(EdgeState::down)));
    }
    region.full = random.below(8) < trouble;
    region.forced = random.below(8) < trouble;
    region.pressure = random.below(8) < trouble;
  }
  const unsigned known = random.below(kNames - kSteeredNames + 1);
  for (unsigned i = 0; i < known; ++i) {
    out.aliases.targets.push_back({random_alias(random, AddressType::a), random_alias(random, AddressType::aaaa)});
  }
  return out;
}

}  // namespace test
