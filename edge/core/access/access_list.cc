#include "edge/core/access/access_list.h"

#include <utility>

#include "shared/core/prefix_set.h"

namespace edge {
namespace {

constexpr std::uint8_t kMappedLength = 96;  // of ::ffff:0:0/96 (RFC 4291 2.5.5.2)

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

// Clients' addresses are looked up unmapped, so that is what networks are to be.
shared::Prefix as_clients_are(const shared::Prefix& prefix) {
  const shared::IpAddress plain = unmapped(prefix.address);
  if (plain.family == prefix.address.family || prefix.length < kMappedLength) return prefix;
  return {plain, static_cast<std::uint8_t>(prefix.length - kMappedLength)};
}

}  // namespace

std::shared_ptr<AccessLive> AccessLives::of(std::string_view name) {
  std::weak_ptr<AccessLive>& known = lives_[std::string(name)];
  std::shared_ptr<AccessLive> live = known.lock();
  if (live == nullptr) known = live = std::make_shared<AccessLive>();
  return live;
}

AccessList::AccessList(AccessSettings settings, std::shared_ptr<AccessLive> live)
    : name_(std::move(settings.name)),
      mode_(settings.mode),
      allow_others_(settings.allow_others),
      networks_(settings.allow.size() + settings.deny.size()),
      live_(std::move(live)),
      reason_("denied by the access list '" + name_ + "'") {
  std::vector<shared::PrefixRow> rows;
  rows.reserve(networks_);
  for (const shared::Prefix& prefix : settings.allow) rows.push_back({as_clients_are(prefix), allowed});
  // Behind them: of two equal prefixes the table takes the later one.
  for (const shared::Prefix& prefix : settings.deny) rows.push_back({as_clients_are(prefix), denied});
  table_ = shared::PrefixTable::from_rows(std::move(rows), unlisted);
}

bool AccessList::allows(const shared::IpAddress& client) const {
  const std::uint32_t row = table_.lookup(client).value;
  return row == unlisted ? allow_others_ : row == allowed;
}

std::string AccessList::words_for(const shared::IpAddress& client) const {
  const shared::PrefixMatch found = table_.lookup(client);
  std::string words = name_ + ": " + client.to_string() + (allows(client) ? " is allowed" : " is denied");
  if (found.value == unlisted) return words + ", being in none of its networks";
  return words + ", as all of " + shared::Prefix{client.masked(found.depth), found.depth}.to_string();
}

const AccessList* first_denial(std::span<const std::shared_ptr<const AccessList>> lists,
                               const shared::IpAddress& client, AccessCounting counting) {
  const bool counts = counting == AccessCounting::count;
  for (const auto& list : lists) {
    if (list->mode() == shared::Mode::disabled) continue;
    const bool enforces = list->mode() == shared::Mode::enforce;
    const bool allowed = list->allows(client);
    AccessLive& live = list->live();
    if (counts) count(allowed ? live.allowed : enforces ? live.denied : live.shadowed);
    if (!allowed && enforces) return list.get();
  }
  return nullptr;
}

}  // namespace edge
