#include "edge/serve/client/client_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace edge::client_hash_test {
namespace {

// What shared::mix() is made of, backwards.
std::uint64_t unmix(std::uint64_t x) {
  x ^= x >> 31 ^ x >> 62;
  x *= 0x319642B2D24D8EC3ULL;
  x ^= x >> 27 ^ x >> 54;
  x *= 0x96DE1B173F119089ULL;
  return x ^ x >> 30 ^ x >> 60;
}

// Who has a /64 can choose an address for each port so that all of them have one hash, if he knows the seed.
TEST(ClientHash, NobodyCanChooseAddressesThatShareAHash) {
  constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kWanted = 12345;
  std::set<std::size_t> hashes;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    shared::Endpoint at{.address = *shared::IpAddress::parse("2001:db8::"), .port = port};
    std::uint64_t network = 0;
    std::memcpy(&network, at.address.bytes.data(), 8);
    const std::uint64_t before = shared::mix(shared::mix(port + kStep * 17) ^ network) + kStep;
    const std::uint64_t host = before ^ unmix(unmix(kWanted) - kStep);
    std::memcpy(at.address.bytes.data() + 8, &host, 8);
    ASSERT_EQ(client_hash(0, at), kWanted) << "what the test takes for granted of the hash";
    hashes.insert(client_hash(0xABCDEF, at));
  }
  EXPECT_EQ(hashes.size(), 1000U);
}

}  // namespace
}  // namespace edge::client_hash_test
