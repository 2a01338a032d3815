#pragma once
// For tests: a small random world of regions, policies, geo rows and health, and the slow, obvious reference that says
// what a client must be given. It knows neither tables nor classes: it reads the rules of steering from top to bottom.

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "dns/core/answer_sets.h"
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
};

// Addresses crowd in a few places, embedded IPv4 ones among them, so that the blocks of two clients often overlap.
[[nodiscard]] shared::IpAddress random_address(Random& random);
[[nodiscard]] dns::Client random_client(Random& random);
[[nodiscard]] SteeringWorld random_steering(Random& random);
[[nodiscard]] dns::HealthView random_health(Random& random, const std::vector<dns::Region>& regions);

// What the rules allow for one client.
struct Expected {
  bool exists = false;
  bool refuse = false;
  std::uint32_t ttl = 0;
  // The answer is a window of one of these rings of edges ...
  std::vector<std::vector<shared::IpAddress>> rings;
  std::size_t limit = 0;  // ... of so many edges; 0: all of it
};
[[nodiscard]] Expected expect(const SteeringWorld& world, const dns::HealthView& health, std::size_t name,
                              dns::AddressType type, const dns::Client& client);

// An answer read back from its wire bytes.
struct Decoded {
  bool refuse = false;
  std::vector<shared::IpAddress> addresses;
  std::set<std::uint32_t> ttls;
  bool operator==(const Decoded&) const = default;
};
[[nodiscard]] Decoded decode(const dns::Choice& choice, dns::AddressType type);

}  // namespace test
