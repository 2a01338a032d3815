#include "edge/core/message/tier.h"

#include <bit>
#include <utility>

#include "shared/core/hash.h"
#include "shared/http/authorization.h"

namespace edge {

ApiKeys::ApiKeys(std::vector<Entry> entries, std::uint64_t seed) : seed_(seed), entries_(std::move(entries)) {
  slots_.resize(std::bit_ceil(entries_.size() * 2 + 1));
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = shared::hash_text(seed_, entries_[i].key) & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = i + 1;
  }
}

std::optional<TierId> ApiKeys::find(std::string_view key) const {
  if (slots_.empty() || key.empty()) return std::nullopt;
  std::size_t slot = shared::hash_text(seed_, key) & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (http::equals_in_constant_time(entry.key, key)) return entry.tier;
  }
  return std::nullopt;
}

Tiers::Tiers(Settings settings) : settings_(std::move(settings)) {}

TierId Tiers::decide(const http::FieldList& fields, const Client& client) const {
  for (const TierSource source : settings_.sources) {
    const std::optional<TierId> tier = source == TierSource::api_key ? from_key(fields) : from_header(fields, client);
    if (tier) return *tier;
  }
  return settings_.fallback;
}

std::optional<TierId> Tiers::from_key(const http::FieldList& fields) const {
  if (const http::Field* key = fields.find(http::FieldId::x_api_key)) return settings_.keys.find(key->value);
  const http::Field* authorization = fields.find(http::FieldId::authorization);
  return authorization == nullptr ? std::nullopt : settings_.keys.find(http::bearer_token(authorization->value));
}

std::optional<TierId> Tiers::from_header(const http::FieldList& fields, const Client& client) const {
  if (!client.trusted) return std::nullopt;
  const http::Field* field = fields.find(settings_.header);
  return field == nullptr ? std::nullopt : find(field->value);
}

std::string_view Tiers::name(TierId tier) const {
  const auto index = static_cast<std::size_t>(tier);
  return index < settings_.order.size() ? std::string_view(settings_.order[index]) : std::string_view{};
}

std::optional<TierId> Tiers::find(std::string_view name) const {
  for (std::size_t i = 0; i < settings_.order.size(); ++i) {
    if (settings_.order[i] == name) return static_cast<TierId>(i);
  }
  return std::nullopt;
}

}  // namespace edge
