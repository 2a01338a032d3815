// Random policies, databases and health: every answer is one that the rules allow, and within one snapshot any two
// answers whose blocks overlap are equal (RFC 7871 7.2.1), weighted groups and windows of edges included.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/steering_world.h"

namespace dns {
namespace {

using shared::IpAddress;
using shared::Prefix;
using test::Decoded;
using test::Random;

constexpr int kWorlds = 120;

// A client in a random place of the block.
Client somewhere_in(const Prefix& block, Random& random) {
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
  return {IpAddress::v4(0), ClientSubnet{address, shared::bits_of(address.family)}, random.bits()};
}

struct Given {
  Choice choice;
  Decoded decoded;
  Prefix block;  // for which the answer holds
};

// A world, compiled, in one state of health.
class Resolved {
 public:
  Resolved(const PolicyTables& tables, HealthView health)
      : tables_(tables), answers_(AnswerSets::build(tables, std::move(health))) {}

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

// Whether `answer` is so many neighbours of the ring, from anywhere in it.
bool is_window(const std::vector<IpAddress>& answer, const std::vector<IpAddress>& ring, std::size_t limit) {
  const std::size_t wanted = limit == 0 ? ring.size() : std::min(limit, ring.size());
  if (answer.size() != wanted) return false;
  for (std::size_t start = 0; start < std::max<std::size_t>(1, ring.size()); ++start) {
    bool same = true;
    for (std::size_t i = 0; i < wanted; ++i) same = same && answer[i] == ring[(start + i) % ring.size()];
    if (same) return true;
  }
  return false;
}

void check_allowed(const Given& given, const test::Expected& expected, const std::string& who) {
  ASSERT_EQ(given.choice.refuse, expected.refuse) << who;
  if (expected.rings.empty()) {
    ASSERT_TRUE(given.decoded.addresses.empty()) << who;
    return;
  }
  ASSERT_EQ(given.decoded.ttls, std::set<std::uint32_t>{expected.ttl}) << who;
  const bool allowed = std::ranges::any_of(
      expected.rings, [&](const auto& ring) { return is_window(given.decoded.addresses, ring, expected.limit); });
  ASSERT_TRUE(allowed) << who;
}

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
      const HealthView health = test::random_health(random, world.spec.regions);
      ASSERT_NO_FATAL_FAILURE(check(world, health, Resolved(*compiled.tables, health), random)) << "world " << i;
    }
  }
  EXPECT_GT(compiled_worlds, kWorlds / 3);
}

TEST(SteeringProperty, EveryAnswerIsOneThatTheRulesAllow) {
  in_random_worlds(1, [](const auto& world, const HealthView& health, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 60; ++i) {
      const Client client = test::random_client(random);
      const std::size_t name = random.below(4);
      const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
      const test::Expected expected = test::expect(world, health, name, type, client);
      const Given given = resolved.ask(name, type, client);
      if (!has_source(client)) {
        ASSERT_EQ(given.choice.scope, 0);
      }
      ASSERT_NO_FATAL_FAILURE(check_allowed(given, expected, describe(client)));
    }
  });
}

TEST(SteeringProperty, AnswersWhoseBlocksOverlapAreEqual) {
  std::size_t overlaps = 0;
  in_random_worlds(2, [&](const auto&, const HealthView&, const Resolved& resolved, Random& random) {
    const std::size_t name = random.below(4);
    const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
    std::vector<std::pair<Client, Given>> seen;
    for (int i = 0; i < 60; ++i) {
      const Client client = test::random_client(random);
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
  in_random_worlds(3, [](const auto&, const HealthView&, const Resolved& resolved, Random& random) {
    for (int i = 0; i < 40; ++i) {
      const Client client = test::random_client(random);
      if (!has_source(client)) continue;
      const std::size_t name = random.below(4);
      const AddressType type = random.one_in(2) ? AddressType::a : AddressType::aaaa;
      const Given given = resolved.ask(name, type, client);
      for (int j = 0; j < 5; ++j) {
        const Client other = somewhere_in(given.block, random);
        const Given same = resolved.ask(name, type, other);
        ASSERT_EQ(same.decoded, given.decoded) << describe(client) << " and " << describe(other);
      }
    }
  });
}

}  // namespace
}  // namespace dns
