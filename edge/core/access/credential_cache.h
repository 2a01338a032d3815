#pragma once
// CredentialCache: what a worker remembers of passwords and tokens that were looked at: whose they are, or that they
// are wrong. A credential is known here by 128 bits of a hash under keys that nobody else has, so neither it nor one
// like it can be found in memory, and nobody can choose two that fall together. Fixed memory; in a full set of four the
// one goes that was put there first. Each policy of each configuration has keys of its own: what was good under another
// one is not found. Owned by a worker's context; its thread.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "edge/core/access/principal.h"
#include "shared/core/siphash.h"
#include "shared/core/time.h"

namespace edge {

struct CredentialKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const CredentialKey&) const = default;
};

using CredentialKeys = std::array<shared::SipKey, 2>;
[[nodiscard]] CredentialKey key_of(const CredentialKeys& keys, std::string_view credential);

class CredentialCache {
 public:
  static constexpr std::size_t kSets = 512;
  static constexpr std::size_t kWays = 4;

  struct Found {
    bool known = false;
    std::shared_ptr<const Principal> identity;  // null: it is known to be wrong
  };
  [[nodiscard]] Found find(const CredentialKey& key, shared::TimePoint now) const;
  void put(const CredentialKey& key, std::shared_ptr<const Principal> identity, shared::TimePoint until);

 private:
  struct Entry {
    CredentialKey key;
    shared::TimePoint until{};
    std::shared_ptr<const Principal> identity;
  };
  struct Set {
    std::array<Entry, kWays> entries;
    std::size_t next = 0;
  };

  std::vector<Set> sets_;  // empty until something is remembered
};

}  // namespace edge
