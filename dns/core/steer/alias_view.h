#pragma once
// AliasView: what is known at one instant of the targets of ALIAS names: their addresses, as a resolver found them.
// Made by AliasControl, read by AnswerSets. A value; any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared/core/ip.h"

namespace dns {

// One type of one target.
struct AliasAnswer {
  enum class State : std::uint8_t {
    unknown,  // never answered: SERVFAIL, so that resolvers ask another server and remember nothing
    fresh,
    stale,  // the last good answer; asking again has failed
  };
  State state = State::unknown;
  std::vector<shared::IpAddress> addresses;  // none: the target has no address of this type
  std::uint32_t ttl = 0;                     // seconds, as the target's servers said

  bool operator==(const AliasAnswer&) const = default;
};

// What is known now of the target of one ALIAS name.
struct AliasChange {
  std::size_t number = 0;            // in PolicyTables::aliases()
  std::array<AliasAnswer, 2> known;  // by AddressType
};

struct AliasView {
  // By index in PolicyTables::aliases(), then by AddressType. What is missing is unknown.
  std::vector<std::array<AliasAnswer, 2>> targets;

  bool operator==(const AliasView&) const = default;
};

}  // namespace dns
