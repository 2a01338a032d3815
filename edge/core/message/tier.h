#pragma once
// Tiers: the customer class of a request (free, standard, enterprise ...), from its API key or from the tier header of
// a trusted network. A tier header from anywhere else does nothing and is not forwarded; the decided tier is what
// upstreams read in that header. Immutable, part of the Snapshot, any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/message/client.h"
#include "shared/http/fields.h"

namespace edge {

// Index in the configured order, lowest class first.
enum class TierId : std::uint8_t {};
inline constexpr std::size_t kMaxTiers = 32;  // a route's tiers are a 32-bit set

// API keys by a seeded hash; the whole key is then compared in time that depends on its length alone.
class ApiKeys {
 public:
  struct Entry {
    std::string key;
    TierId tier{};
  };

  ApiKeys() = default;
  ApiKeys(std::vector<Entry> entries, std::uint64_t seed);

  [[nodiscard]] std::optional<TierId> find(std::string_view key) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::uint64_t seed_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // open addressing; index + 1, 0 is free
};

enum class TierSource : std::uint8_t { api_key, header };

class Tiers {
 public:
  struct Settings {
    std::vector<std::string> order;  // empty: this service has no tiers
    TierId fallback{};
    std::vector<TierSource> sources;  // asked in this order; the first that knows decides
    ApiKeys keys;
    std::string header = "X-Customer-Tier";  // read from trusted networks; written towards upstreams
  };

  Tiers() = default;
  explicit Tiers(Settings settings);

  [[nodiscard]] bool enabled() const { return !settings_.order.empty(); }
  [[nodiscard]] TierId decide(const http::FieldList& fields, const Client& client) const;
  [[nodiscard]] std::string_view name(TierId tier) const;  // empty when not enabled
  [[nodiscard]] std::optional<TierId> find(std::string_view name) const;
  [[nodiscard]] std::string_view header() const { return settings_.header; }

 private:
  [[nodiscard]] std::optional<TierId> from_key(const http::FieldList& fields) const;
  [[nodiscard]] std::optional<TierId> from_header(const http::FieldList& fields, const Client& client) const;

  Settings settings_;
};

}  // namespace edge
