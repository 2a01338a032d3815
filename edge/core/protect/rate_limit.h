#pragma once
// RateLimit: how often requests of one kind may come from one client, key, tier ... by GCRA (ITU-T I.371): `rate` in
// the long run and `burst` more at once; what is in excess is refused (429, RFC 6585) or, with `delay`, waits for its
// turn. The settings are immutable and a part of routes; what is counted is a LimitLive, which outlives them: it is the
// same over reloads and for all workers. Any thread.
//
// The key of a request is a hash with a secret seed: who could choose what falls together could use up the allowance of
// others. A client is its address, of IPv6 its /64.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/access/principal.h"
#include "edge/core/message/tier.h"
#include "edge/core/protect/region_share.h"
#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/prefix_set.h"
#include "shared/core/rate_cells.h"
#include "shared/core/secret_hash.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace edge {

// One of the things that a limit counts by; of several, each combination has an allowance of its own.
struct LimitKeyPart {
  enum class Kind : std::uint8_t { client, header, cookie, api_key, tier, host, route, claim };
  Kind kind = Kind::client;
  std::string name = {};  // of a header, cookie or claim

  bool operator==(const LimitKeyPart&) const = default;
};

enum class Excess : std::uint8_t { reject, delay };
enum class LimitScope : std::uint8_t { edge, region };

struct RateLimitSettings {
  std::string name;
  shared::Mode mode = shared::Mode::enforce;
  double rate = 0;          // a second
  std::uint32_t burst = 0;  // beyond the one that is due
  Excess excess = Excess::reject;
  std::vector<LimitKeyPart> key{{}};  // not empty
  std::vector<shared::Prefix> exempt = {};
  std::uint32_t keys = 131072;  // that are told apart at a time, at least
  bool announce = false;        // RateLimit fields in every response, not only in refusals
  LimitScope scope = LimitScope::edge;
  std::uint32_t edges = 1;  // of scope region: that it has, until they are counted
};

// What a limit has counted, by its name.
struct LimitLive {
  explicit LimitLive(unsigned line_bits) : cells(line_bits) {}

  shared::RateCells cells;
  std::atomic<std::uint64_t> passed{0};
  std::atomic<std::uint64_t> delayed{0};
  std::atomic<std::uint64_t> rejected{0};
  std::atomic<std::uint64_t> shadowed{0};  // that would have been delayed or rejected
  std::unique_ptr<RegionShare> region;     // of scope region
};

// Keeps LimitLives by name over builds, while anybody uses them. The Builder's.
class LimitLives {
 public:
  // The one of before, if it has room for as many keys and the same scope. `seed` is of keys, for the region's.
  [[nodiscard]] std::shared_ptr<LimitLive> of(const RateLimitSettings& settings, std::uint64_t seed = 0);

 private:
  std::map<std::string, std::weak_ptr<LimitLive>, std::less<>> lives_;
};

// What of a request limits count by.
struct LimitSubject {
  const shared::IpAddress& client;
  const http::FieldList& fields;
  TierId tier{};
  std::string_view host;
  std::string_view route;
  // The field by which a policy of the route knows who asks; `other`: none of them does, or the route has none.
  http::FieldId shown_in = http::FieldId::other;
  const Principal* identity = nullptr;  // null: nobody has shown who it is
};

class RateLimit {
 public:
  // 64 ns: a rate of 100,000 a second is met to 0.2 %.
  static constexpr unsigned kTickBits = 6;
  static constexpr double kTicksASecond = 1e9 / (1U << kTickBits);
  static constexpr double kMostRate = 100'000;
  // How time is counted in cells.
  [[nodiscard]] static std::uint64_t ticks(shared::TimePoint now);

  RateLimit(RateLimitSettings settings, std::shared_ptr<LimitLive> live, std::uint64_t seed);

  [[nodiscard]] const RateLimitSettings& settings() const { return settings_; }
  [[nodiscard]] LimitLive& live() const { return *live_; }
  [[nodiscard]] shared::RateCells::Allowance allowance() const { return allowance_; }
  // With a share of the rate, and the whole burst.
  [[nodiscard]] shared::RateCells::Allowance allowance(std::uint32_t share) const;
  // Without the header, cookie or claim, or an API key, the client stands for it.
  [[nodiscard]] std::uint64_t key_of(const LimitSubject& subject) const;
  [[nodiscard]] bool applies_to(const shared::IpAddress& client) const;
  // It counts by the client alone, so that its key is known with the client, and in a table that is in no cache of a
  // core: what is worth a prefetch().
  [[nodiscard]] bool is_far() const { return by_client_ && live_->cells.octets() >= kFar; }
  void prefetch(const shared::IpAddress& client) const;
  // "over the limit 'api'"
  [[nodiscard]] std::string_view reason() const { return reason_; }
  // The value of RateLimit-Policy: `"api";q=100;w=1`.
  [[nodiscard]] std::string_view policy() const { return policy_; }

 private:
  [[nodiscard]] std::uint64_t key_of(const LimitSubject& subject, std::uint64_t seed,
                                     const shared::SecretHash& hash) const;

  static constexpr std::size_t kFar = std::size_t{256} << 10;

  RateLimitSettings settings_;
  std::shared_ptr<LimitLive> live_;
  std::uint64_t seed_;
  shared::RateCells::Allowance allowance_;
  PrefixSet exempt_;
  std::string reason_;
  std::string policy_;
  shared::SecretHash hash_;  // of seed_
  bool by_client_;           // and by nothing else
};

using RateLimits = std::vector<std::shared_ptr<const RateLimit>>;

// What limits say of a request. Counts are of `by`: who refuses, else the one that delays longest or has least left.
struct LimitRuling {
  const RateLimit* by = nullptr;  // null: no limit is asked, or none enforces
  bool refused = false;
  shared::Duration wait{};                    // refused: until one would be let in; else until its turn
  std::uint64_t remaining = 0;                // further requests that would be let in at once
  shared::Duration reset{};                   // until the whole allowance is there again
  std::uint32_t share = RegionShare::kWhole;  // of the limit, that this edge has
  RegionShare::Grade grade = RegionShare::Grade::cold;
};

// Asks all; if one refuses, none has counted the request. `Foresee` counts nothing.
enum class Counting : std::uint8_t { count, foresee };
[[nodiscard]] LimitRuling rule(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                               shared::TimePoint now, Counting counting);

// "api: 3 more at once, all of it again in 180ms", for explain. REQUIRES: ruling.by.
[[nodiscard]] std::string words_of(const LimitRuling& ruling);
// The same of one of several limits, whatever the others say: what it has left now, without counting anything.
[[nodiscard]] std::string words_for(const RateLimit& limit, const LimitSubject& subject, shared::TimePoint now);
// The value of RateLimit (draft-ietf-httpapi-ratelimit-headers): `"api";r=20;t=1`. REQUIRES: ruling.by.
[[nodiscard]] std::string ratelimit_field(const LimitRuling& ruling);
// The value of Retry-After: whole seconds, rounded up, at least 1.
[[nodiscard]] std::string retry_after(const LimitRuling& ruling);

}  // namespace edge
