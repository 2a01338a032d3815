#include "edge/core/access/credential_cache.h"

#include <algorithm>
#include <span>
#include <utility>

namespace edge {

CredentialKey key_of(const CredentialKeys& keys, std::string_view credential) {
  const std::span octets(reinterpret_cast<const std::uint8_t*>(credential.data()), credential.size());
  return {shared::siphash_2_4(keys[0], octets), shared::siphash_2_4(keys[1], octets)};
}

CredentialCache::Found CredentialCache::find(const CredentialKey& key, shared::TimePoint now) const {
  if (sets_.empty()) return {};
  for (const Entry& entry : sets_[key.low % kSets].entries) {
    if (entry.key == key && now < entry.until) return {.known = true, .identity = entry.identity};
  }
  return {};
}

void CredentialCache::put(const CredentialKey& key, std::shared_ptr<const Principal> identity,
                          shared::TimePoint until) {
  if (sets_.empty()) sets_.resize(kSets);
  Set& set = sets_[key.low % kSets];
  auto entry = std::ranges::find_if(set.entries, [&](const Entry& one) { return one.key == key; });
  if (entry == set.entries.end()) entry = set.entries.begin() + static_cast<std::ptrdiff_t>(set.next++ % kWays);
  *entry = {key, until, std::move(identity)};
}

}  // namespace edge
