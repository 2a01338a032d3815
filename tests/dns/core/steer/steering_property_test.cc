// Random policies, databases and health: every answer is one that the rules allow, and within one snapshot any two
// answers whose blocks overlap are equal (RFC 7871 7.2.1), weighted groups and windows of edges included.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/support/steering_reference.h"

namespace dns::steering_property_test {
namespace {

using shared::IpAddress;
using shared::Prefix;
using test::Decoded;
using test::Random;

constexpr int kWorlds = 120;

// A client of this resolver in a random place of the block.
Client somewhere_in(const Prefix& block, const IpAddress& resolver, Random& random) {
  IpAddress address = test::random_address(random);
  for (unsigned bit = 0; bit < shared::bits_of(block.address.family); ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    if (bit < block.length) {
      address.bytes[bit / 8] =
          static_cast<std::uint8_t>((address.bytes[bit / 8] & ~mask) | (block.address.bytes[bit / 8] & mask));
    } else if (random.one_in(2)) {
      address.bytes[bit / 8] ^= mask;
    }
  }
  address.family = block.address.family;
  if (address.family == shared::Family::ipv4) address = IpAddress::v4(address.v4_value());
  return {resolver, ClientSubnet{address, shared::bits_of(address.family)}, random.bits()};
}

struct Given {
  Choice choice;
  Decoded decoded;
  Prefix block;  // for which the answer holds
};

// A world, compiled, in one state of health.
class Resolved {
 public:
  Resolved(const PolicyTables& tables, const test::Beliefs& beliefs)
      : tables_(tables), answers_(AnswerSets::build(tables, beliefs.health, beliefs.aliases)) {}

  [[nodiscard]] Given ask(std::size_t name, AddressType type, const Client& client) const {
    NullTrace trace;
    Given given;
    given.choice = choose(tables_, *answers_, static_cast<PolicyNameId>(name), type, client, trace);
    given.decoded = test::decode(given.choice, type);
    const IpAddress address = client.subnet ? client.subnet->address : client.resolver;
    given.block = {address.masked(given.choice.scope), given.choice.scope};
    return given;
  }

 private:
  const PolicyTables& tables_;
  std::shared_ptr<const AnswerSets> answers_;
};

bool has_source(const Client& client) { return client.subnet && client.subnet->source > 0; }

bool overlap(const Prefix& a, const Prefix& b) { return a.contains(b) || b.contains(a); }

std::string describe(const Client& client) {
  return client.subnet ? client.subnet->address.to_string() + "/" + std::to_string(client.subnet->source)
                       : "resolver " + client.resolver.to_string();
}

template <class Check>
void in_random_worlds(std::uint64_t seed, const Check& check) {
  Random random(seed);
  int compiled_worlds = 0;
  for (int i = 0; i < kWorlds; ++i) {
    const test::SteeringWorld world = test::random_steering(random);
    const CompiledPolicies compiled = compile(world.spec);
    if (!compiled.tables) continue;  // a fence left somebody with nothing
    ++compiled_worlds;
    for (int state = 0; state < 3; ++state) {
      const test::Beliefs beliefs = test::random_beliefs(random, world);
      ASSERT_NO_FATAL_FAILURE(check(world, beliefs, Resolved(*compiled.tables, beliefs), random)) << "world " << i;
    }
  }
  EXPECT_GT(compiled_worlds, kWorlds / 3);
}

TEST(SteeringProperty, EveryAnswerIsOneThatTheRulesAllow) {
  std::size_t cnames = 0;
  std::size_t aliases = 0;
  in_random_worlds(1, [&](const auto& world, const test::Beliefs& beliefs, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 80; ++i) {
      const Client client = test::random_client(random);
      const std::size_t name = random.below(test::kNames);
      const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
      const test::Expected expected = test::expect(world, beliefs, name, type, client);
      const Given given = resolved.ask(name, type, client);
      if (!has_source(client) || name >= test::kSteeredNames) {
        ASSERT_EQ(given.choice.scope, 0);
      }
      const Decoded answer = test::expected_answer(expected, world, name, client, given.choice.scope);
      ASSERT_EQ(given.decoded, answer) << describe(client) << " asks for n" << name;
      if (!answer.cname.empty()) ++cnames;
      if (name >= test::kSteeredNames && !answer.addresses.empty()) ++aliases;
    }
  });
  EXPECT_GT(cnames, 1000u);
  EXPECT_GT(aliases, 1000u);
}

// A name is a CNAME for all types or for none (RFC 1034 3.6.2), to the same client at the same instant.
TEST(SteeringProperty, NoCnameStandsBesideAddresses) {
  std::size_t cnames = 0;
  in_random_worlds(5, [&](const auto&, const test::Beliefs&, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 60; ++i) {
      const Client client = test::random_client(random);
      const std::size_t name = random.below(test::kSteeredNames);
      const Given a = resolved.ask(name, AddressType::a, client);
      const Given aaaa = resolved.ask(name, AddressType::aaaa, client);
      ASSERT_EQ(a.decoded.cname, aaaa.decoded.cname) << describe(client) << " asks for n" << name;
      if (!a.decoded.cname.empty()) ++cnames;
    }
  });
  EXPECT_GT(cnames, 1000u);
}

// The best state of a region's edges of these families, each by itself; the worst of them. Of a platform: of all its
// own.
EdgeState state_of(const Region& region, const RegionView& view, const std::vector<shared::Family>& families) {
  EdgeState worst = EdgeState::up;
  if (region.cname) return *std::ranges::min_element(view.edges);
  for (const shared::Family family : families) {
    EdgeState best = EdgeState::down;
    for (std::size_t e = 0; e < region.edges.size(); ++e) {
      if (region.edges[e].family == family) best = std::min(best, view.edges[e]);
    }
    worst = std::max(worst, best);
  }
  return worst;
}

// Which of them was answered; nothing: none of them.
std::optional<RegionId> region_of(const Decoded& answer, const std::vector<RegionId>& regions,
                                  const test::SteeringWorld& world) {
  for (const RegionId id : regions) {
    const Region& region = world.spec.regions[index_of(id)];
    if (region.cname && region.cname->to_text() == answer.cname) return id;
    if (answer.addresses.empty() || region.cname) continue;
    if (std::ranges::count(region.edges, answer.addresses.front()) > 0) return id;
  }
  return std::nullopt;
}

// Said apart from the reference, since it is what operators count on: nothing outside the fence is ever answered, and
// nothing that is down while another region inside it is up.
TEST(SteeringProperty, NothingDownIsAnsweredWhileAnythingInsideTheFenceIsUp) {
  std::size_t seen = 0;
  in_random_worlds(4, [&](const auto& world, const test::Beliefs& beliefs, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 60; ++i) {
      const Client client = test::random_client(random);
      const std::size_t name = random.below(test::kSteeredNames);
      const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
      const auto regions = test::regions_for(world, name, client);
      const Decoded answer = resolved.ask(name, type, client).decoded;
      if (answer.addresses.empty() && answer.cname.empty()) continue;
      const auto asked = type == AddressType::a ? shared::Family::ipv4 : shared::Family::ipv6;
      const auto families = test::has_platforms(world) ? test::families_of(world, name) : std::vector{asked};
      const auto state = [&](RegionId id) {
        return state_of(world.spec.regions[index_of(id)], beliefs.health.regions[index_of(id)], families);
      };
      const auto from = region_of(answer, regions, world);
      ASSERT_TRUE(from) << "outside the fence of " << describe(client);
      ASSERT_EQ(state(*from), state(*std::ranges::min_element(regions, {}, state))) << describe(client);
      for (const IpAddress& edge : answer.addresses) {
        const auto whose =
            region_of({.refuse = false, .fail = false, .addresses = {edge}, .cname = "", .ttls = {}}, regions, world);
        ASSERT_TRUE(whose) << edge.to_string() << " lies outside the fence of " << describe(client);
        ++seen;
      }
    }
  });
  EXPECT_GT(seen, 10000u);
}

TEST(SteeringProperty, AnswersWhoseBlocksOverlapAreEqual) {
  std::size_t overlaps = 0;
  in_random_worlds(2, [&](const auto&, const test::Beliefs&, const Resolved& resolved, Random& random) {
    const std::size_t name = random.below(test::kNames);
    const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
    std::vector<std::pair<Client, Given>> seen;
    const IpAddress resolver = test::random_address(random);  // whose cache the answers meet in
    for (int i = 0; i < 60; ++i) {
      Client client = test::random_client(random);
      client.resolver = resolver;
      if (has_source(client)) seen.emplace_back(client, resolved.ask(name, type, client));
    }
    for (const auto& [a, for_a] : seen) {
      for (const auto& [b, for_b] : seen) {
        if (!overlap(for_a.block, for_b.block)) continue;
        ++overlaps;
        ASSERT_EQ(for_a.decoded, for_b.decoded) << describe(a) << " and " << describe(b);
      }
    }
  });
  EXPECT_GT(overlaps, 100000u);
}

TEST(SteeringProperty, AnAnswerHoldsForItsWholeBlock) {
  in_random_worlds(3, [](const auto&, const test::Beliefs&, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 40; ++i) {
      const Client client = test::random_client(random);
      if (!has_source(client)) continue;
      const std::size_t name = random.below(test::kNames);
      const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
      const Given given = resolved.ask(name, type, client);
      for (int j = 0; j < 5; ++j) {
        const Client other = somewhere_in(given.block, client.resolver, random);
        const Given same = resolved.ask(name, type, other);
        ASSERT_EQ(same.decoded, given.decoded) << describe(client) << " and " << describe(other);
      }
    }
  });
}

}  // namespace
}  // namespace dns::steering_property_test
