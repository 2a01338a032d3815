#pragma once
// GivenSamples: who was lately answered: every sixteenth answer of a policy name leaves the client's block (/24, IPv6
// /48) in a ring of fixed size, the oldest overwritten. One writer, the worker, with one plain store; Control reads it
// at any time. What the guard of the geo database and `meridian what-if` weigh by. No whole address is kept.
//
//   63      62     61          60..48     47..0
//   taken | IPv6 | by subnet | name     | IPv4: the first 24 bits; IPv6: the first 48

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dns/core/steer/private_block.h"
#include "dns/core/steer/steering.h"
#include "shared/core/ip.h"

namespace dns {

class GivenSamples {
 public:
  static constexpr std::size_t kSize = 4096;
  static constexpr std::uint64_t kEvery = 16;        // answers
  static constexpr std::uint32_t kMostNames = 8192;  // names from there on are not sampled

  struct Sample {
    PolicyNameId name{};
    shared::Prefix client;
    bool by_subnet = false;
  };

  // The worker: `entropy` is this answer's draw.
  void offer(std::uint64_t entropy, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
             const shared::IpAddress& resolver) {
    if ((entropy & (kEvery - 1)) != 0 || static_cast<std::uint32_t>(name) >= kMostNames) return;
    const bool by_subnet = subnet && subnet->source > 0 && !is_private_client(subnet->address);
    record(name, by_subnet ? subnet->address : resolver, by_subnet);
  }

  // Any thread. Nothing: the place is still free.
  [[nodiscard]] std::optional<Sample> read(std::size_t place) const;

 private:
  void record(PolicyNameId name, const shared::IpAddress& client, bool by_subnet);

  std::array<std::atomic<std::uint64_t>, kSize> ring_{};
  std::size_t next_ = 0;  // the worker's
};

}  // namespace dns
