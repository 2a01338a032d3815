#pragma once
// For tests: the slow, obvious reference that says what a client must be given. It knows neither tables nor classes: it
// reads the rules of steering from top to bottom.

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "tests/support/steering_world.h"

namespace test {

// What a name has addresses of, never mind the client. REQUIRES: a steered name.
[[nodiscard]] std::vector<shared::Family> families_of(const SteeringWorld& world, std::size_t name);
[[nodiscard]] bool has_platforms(const SteeringWorld& world);  // regions that are a CNAME

// What the rules give one client.
struct Expected {
  struct Candidate {
    bool usable = false;  // now; what is not is drawn with the rest
    std::vector<shared::IpAddress> ring;
    std::string cname;  // of a platform; else empty
    unsigned weight = 1;
  };
  bool refuse = false;
  bool fail = false;
  std::uint32_t ttl = 0;
  std::vector<Candidate> group;  // one of these is drawn ...
  std::size_t limit = 0;         // ... and so many neighbours of its ring; 0: all of it
};
[[nodiscard]] Expected expect(const SteeringWorld& world, const Beliefs& beliefs, std::size_t name,
                              dns::AddressType type, const dns::Client& client);

// The regions that this client may ever be given, the preferred ones first.
[[nodiscard]] std::vector<dns::RegionId> regions_for(const SteeringWorld& world, std::size_t name,
                                                     const dns::Client& client);

// An answer read back from its wire bytes.
struct Decoded {
  bool refuse = false;
  bool fail = false;
  std::vector<shared::IpAddress> addresses;
  std::string cname;
  std::set<std::uint32_t> ttls;
  bool operator==(const Decoded&) const = default;
};
void PrintTo(const Decoded& decoded, std::ostream* out);
[[nodiscard]] Decoded decode(const dns::Choice& choice, dns::AddressType type);
// The answer of the one client who was answered with this scope.
[[nodiscard]] Decoded expected_answer(const Expected& expected, const SteeringWorld& world, std::size_t name,
                                      const dns::Client& client, std::uint8_t scope);

}  // namespace test
