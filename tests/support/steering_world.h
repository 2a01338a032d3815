#pragma once
// For tests: a small random world of regions, policies, geo rows and health, and the slow, obvious reference that says
// what a client must be given. It knows neither tables nor classes: it reads the rules of steering from top to bottom.

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "dns/core/answer_sets.h"
#include "dns/core/correction.h"
#include "dns/core/policy_tables.h"
#include "dns/core/steering.h"

namespace test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }
  [[nodiscard]] bool one_in(unsigned n) { return below(n) == 0; }
  [[nodiscard]] std::uint64_t bits() { return engine_(); }
  template <class T>
  [[nodiscard]] const T& of(const std::vector<T>& values) {
    return values[below(static_cast<unsigned>(values.size()))];
  }

 private:
  std::mt19937_64 engine_;
};

// A row of the geo database as it was made up; rows nest, the most specific counts.
struct GeoFact {
  shared::Prefix prefix;
  dns::GeoRecord record;
};

struct SteeringWorld {
  dns::SteeringSpec spec;
  std::vector<GeoFact> facts;
  std::vector<GeoFact> systems;  // of the separate database of AS numbers, if spec.asn is there
  std::vector<dns::Correction> corrections;
};

// Addresses crowd in a few places, embedded IPv4 ones among them, so that the blocks of two clients often overlap.
[[nodiscard]] shared::IpAddress random_address(Random& random);
[[nodiscard]] dns::Client random_client(Random& random);
[[nodiscard]] SteeringWorld random_steering(Random& random);
[[nodiscard]] dns::HealthView random_health(Random& random, const std::vector<dns::Region>& regions);

// What the rules give one client.
struct Expected {
  struct Candidate {
    std::vector<shared::IpAddress> ring;  // empty: not to be used now, but drawn with the rest
    unsigned weight = 1;
  };
  bool exists = false;
  bool refuse = false;
  std::uint32_t ttl = 0;
  std::vector<Candidate> group;  // one of these is drawn ...
  std::size_t limit = 0;         // ... and so many neighbours of its ring; 0: all of it
};
[[nodiscard]] Expected expect(const SteeringWorld& world, const dns::HealthView& health, std::size_t name,
                              dns::AddressType type, const dns::Client& client);

// The addresses of the one client who was answered with this scope.
[[nodiscard]] std::vector<shared::IpAddress> expected_answer(const Expected& expected, const SteeringWorld& world,
                                                             std::size_t name, const dns::Client& client,
                                                             std::uint8_t scope);
// The regions that this client may ever be given, the preferred ones first.
[[nodiscard]] std::vector<dns::RegionId> regions_for(const SteeringWorld& world, std::size_t name,
                                                     const dns::Client& client);

// An answer read back from its wire bytes.
struct Decoded {
  bool refuse = false;
  std::vector<shared::IpAddress> addresses;
  std::set<std::uint32_t> ttls;
  bool operator==(const Decoded&) const = default;
};
[[nodiscard]] Decoded decode(const dns::Choice& choice, dns::AddressType type);

}  // namespace test
