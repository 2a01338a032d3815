#pragma once
// For tests: a small random world of regions, platforms, policies, ALIAS names, geo rows and health.

#include <cstdint>
#include <random>
#include <vector>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/correction.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/steering.h"

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

// The names of a world: the first few have policies, the rest are ALIAS.
inline constexpr std::size_t kSteeredNames = 4;
inline constexpr std::size_t kNames = 6;

// What is believed at one instant.
struct Beliefs {
  dns::HealthView health;
  dns::AliasView aliases;
};

// Addresses crowd in a few places, embedded IPv4 ones among them, so that the blocks of two clients often overlap.
[[nodiscard]] shared::IpAddress random_address(Random& random);
[[nodiscard]] dns::Client random_client(Random& random);
[[nodiscard]] SteeringWorld random_steering(Random& random);
[[nodiscard]] Beliefs random_beliefs(Random& random, const SteeringWorld& world);

}  // namespace test
