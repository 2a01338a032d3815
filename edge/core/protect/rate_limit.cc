#include "edge/core/protect/rate_limit.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "shared/core/hash.h"
#include "shared/http/authorization.h"
#include "shared/http/cookie.h"
#include "shared/http/field_lines.h"

namespace edge {
namespace {

constexpr unsigned kWaysBits = 3;  // of a line of RateCells

// Half full at most, so that it is rare that a line is.
unsigned line_bits(std::uint32_t keys) {
  const std::uint64_t lines = std::bit_ceil(std::uint64_t{keys} * 2) >> kWaysBits;
  return static_cast<unsigned>(std::countr_zero(std::max<std::uint64_t>(lines, 2)));
}

shared::Duration from_ticks(std::uint64_t ticks) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks << RateLimit::kTickBits));
}

std::int64_t seconds_up(shared::Duration span) { return std::chrono::ceil<std::chrono::seconds>(span).count(); }

// Where a policy goes by Authorization nobody has looked at X-Api-Key, and who makes one up for each request would have
// as many allowances as requests.
std::string_view api_key(const LimitSubject& subject) {
  if (subject.shown_in != http::FieldId::authorization) {
    if (const http::Field* key = subject.fields.find(http::FieldId::x_api_key)) return key->value;
  }
  const http::Field* authorization = subject.fields.find(http::FieldId::authorization);
  return authorization == nullptr ? std::string_view() : http::bearer_token(authorization->value);
}

// Of IPv6 the first half; IPv4 stands where there are no clients' networks (ff00::/8 is for multicast).
std::uint64_t client_word(const shared::IpAddress& client) {
  if (client.family == shared::Family::ipv4) return std::uint64_t{client.v4_value()} << 32 | 0xFF;
  std::uint64_t network = 0;
  std::memcpy(&network, client.bytes.data(), sizeof network);
  return network;
}

std::string_view text_of(const LimitKeyPart& part, const LimitSubject& subject) {
  switch (part.kind) {
    case LimitKeyPart::Kind::cookie:
      if (http::count_cookie(subject.fields, part.name) > 1) return {};  // servers may go by another one
      return http::find_cookie(subject.fields, part.name);
    case LimitKeyPart::Kind::api_key:
      return api_key(subject);
    case LimitKeyPart::Kind::host:
      return subject.host;
    case LimitKeyPart::Kind::route:
      return subject.route;
    case LimitKeyPart::Kind::client:
    case LimitKeyPart::Kind::claim:
    case LimitKeyPart::Kind::header:
    case LimitKeyPart::Kind::tier:
      break;
  }
  return {};
}

// All lines of a list, which are one value (RFC 9110 5.3). Where it is none, decide() lets nobody in with two values,
// and twice the same is as once.
std::uint64_t header_word(std::uint64_t seed, const LimitKeyPart& part, const LimitSubject& subject) {
  std::uint64_t word = seed;
  bool there = false;
  for (const http::Field& field : subject.fields) {
    if (field.value.empty() || !http::equals_ignoring_case(field.name, part.name)) continue;
    if (there && !http::may_have_lines(part.name)) break;
    word = shared::hash_text(word, field.value);
    there = true;
  }
  return there ? word : client_word(subject.client);
}

// Of a token, whose issuer has made sure that nobody else has it: others' issuers have not (RFC 7519 4.1.2).
std::uint64_t claim_word(std::uint64_t seed, const LimitKeyPart& part, const LimitSubject& subject) {
  const std::string_view value = subject.identity == nullptr ? std::string_view() : subject.identity->claim(part.name);
  if (value.empty()) return client_word(subject.client);
  return shared::hash_text(shared::hash_text(seed, subject.identity->issuer), value);
}

// Eight octets that stand for what a request has there.
std::uint64_t word_of(const LimitKeyPart& part, const LimitSubject& subject, std::uint64_t seed) {
  switch (part.kind) {
    case LimitKeyPart::Kind::client:
      return client_word(subject.client);
    case LimitKeyPart::Kind::tier:
      return static_cast<std::uint64_t>(subject.tier) + 1;
    case LimitKeyPart::Kind::header:
      return header_word(seed, part, subject);
    case LimitKeyPart::Kind::claim:
      return claim_word(seed, part, subject);
    default:
      break;
  }
  const std::string_view text = text_of(part, subject);
  return text.empty() ? client_word(subject.client) : shared::hash_text(seed, text);
}

// "100 in 1 s", "10 in 60 s": with the window in which the rate is a whole number.
std::pair<std::uint64_t, unsigned> quota_and_window(double rate) {
  for (const unsigned window : {1U, 60U, 3600U}) {
    const double quota = rate * window;
    if (quota >= 1 && std::abs(quota - std::round(quota)) < 1e-6) {
      return {static_cast<std::uint64_t>(std::round(quota)), window};
    }
  }
  return {static_cast<std::uint64_t>(std::max(1.0, rate * 3600)), 3600};
}

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

// On which terms a limit counts a key: all of it, or this edge's share.
struct Counted {
  const RateLimit& limit;
  std::uint64_t key;
  RegionShare::Terms terms;
  shared::RateCells::Allowance allowance;

  Counted(const RateLimit& asked, const LimitSubject& subject) : limit(asked), key(asked.key_of(subject)) {
    const RegionShare* region = limit.live().region.get();
    if (region != nullptr) terms = region->terms_of(key);
    allowance = region != nullptr ? limit.allowance(terms.share) : limit.allowance();
  }

  // A cold key is not held back to an equal share: who has its burst may use it as if nobody else were there.
  [[nodiscard]] std::uint64_t wait_of(std::uint64_t used) const {
    return terms.grade == RegionShare::Grade::cold ? used * terms.share / RegionShare::kWhole : used;
  }

  // The hot ones are worth a lease: those that come again before all is whole, and have used a quarter.
  void note(const shared::RateCells::Taken& taken) const {
    RegionShare* region = limit.live().region.get();
    if (region == nullptr) return;
    const bool again = taken.used > 0;
    region->note(key, terms, again && taken.used + allowance.interval > allowance.capacity / 4);
  }
  void note_refused() const { limit.live().region->note(key, terms, true); }
};

// What a limit says of a request, as far as limits are compared.
struct Outcome {
  bool refused = false;
  shared::Duration wait{};
  std::uint64_t remaining = 0;

  Outcome(const Counted& counted, const shared::RateCells::Taken& taken) : refused(!taken.admitted) {
    const auto [interval, capacity, reach] = counted.allowance;
    if (refused) {
      wait = from_ticks(taken.used + interval - capacity);
      return;
    }
    if (counted.limit.settings().excess == Excess::delay) wait = from_ticks(counted.wait_of(taken.used));
    remaining = (capacity - taken.used - interval) / interval;
  }
};

// Of two limits that let a request in, the one worth telling of.
bool is_tighter(const Outcome& one, const LimitRuling& other) {
  if (other.by == nullptr) return true;
  if (one.wait != other.wait) return one.wait > other.wait;
  return one.remaining < other.remaining;
}

// Tells it in its place, field by field: a whole ruling that is copied as it has just been written waits for that,
// which takes longer than all that was counted.
void tell(LimitRuling& ruling, const Counted& counted, const shared::RateCells::Taken& taken, const Outcome& outcome) {
  ruling.by = &counted.limit;
  ruling.refused = outcome.refused;
  ruling.wait = outcome.wait;
  ruling.remaining = outcome.remaining;
  ruling.reset = from_ticks(taken.used + (outcome.refused ? 0 : counted.allowance.interval));
  ruling.share = counted.terms.share;
  ruling.grade = counted.terms.grade;
}

LimitRuling foresee(const RateLimit& limit, const LimitSubject& subject, std::uint64_t now) {
  LimitRuling ruling;
  const Counted counted(limit, subject);
  const shared::RateCells::Taken taken = limit.live().cells.look(counted.key, now, counted.allowance);
  tell(ruling, counted, taken, Outcome(counted, taken));
  return ruling;
}

LimitRuling foresee(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                    std::uint64_t now) {
  LimitRuling tightest;
  for (const auto& limit : limits) {
    if (limit->settings().mode != shared::Mode::enforce || !limit->applies_to(subject.client)) continue;
    const Counted counted(*limit, subject);
    const shared::RateCells::Taken taken = limit->live().cells.look(counted.key, now, counted.allowance);
    const Outcome here(counted, taken);
    if (here.refused || is_tighter(here, tightest)) tell(tightest, counted, taken, here);
    if (here.refused) break;
  }
  return tightest;
}

LimitRuling take(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                 std::uint64_t now) {
  LimitRuling tightest;
  for (const auto& limit : limits) {
    if (!limit->applies_to(subject.client)) continue;
    LimitLive& live = limit->live();
    const Counted counted(*limit, subject);
    const shared::RateCells::Taken taken = live.cells.take(counted.key, now, counted.allowance);
    counted.note(taken);
    const Outcome here(counted, taken);
    const bool excess = here.refused || here.wait > shared::Duration{};
    if (limit->settings().mode == shared::Mode::shadow) {
      count(excess ? live.shadowed : live.passed);
      continue;
    }
    count(here.refused ? live.rejected : excess ? live.delayed : live.passed);
    if (here.refused || is_tighter(here, tightest)) tell(tightest, counted, taken, here);
    if (here.refused) break;
  }
  return tightest;
}

// ", by a lease of 25.0% of the region's limit"; nothing where the limit is the edge's own.
std::string words_of_share(const LimitRuling& ruling) {
  if (ruling.by->live().region == nullptr) return {};
  const std::uint64_t per_mille = (std::uint64_t{ruling.share} * 1000 + RegionShare::kWhole / 2) / RegionShare::kWhole;
  const std::string part = std::to_string(per_mille / 10) + "." + std::to_string(per_mille % 10) + "%";
  switch (ruling.grade) {
    case RegionShare::Grade::leased:
      return ", by a lease of " + part + " of the region's limit";
    case RegionShare::Grade::alone:
      return ", with an equal share of " + part + " of the region's limit, without Redis";
    case RegionShare::Grade::cold:
      break;
  }
  return ", with an equal share of " + part + " of the region's limit, more of it when it is needed";
}

}  // namespace

std::shared_ptr<LimitLive> LimitLives::of(const RateLimitSettings& settings, std::uint64_t seed) {
  const bool region = settings.scope == LimitScope::region;
  const unsigned bits = line_bits(settings.keys);
  std::weak_ptr<LimitLive>& known = lives_[settings.name];
  std::shared_ptr<LimitLive> live = known.lock();
  if (live == nullptr || live->cells.octets() != std::size_t{64} << bits || (live->region != nullptr) != region) {
    live = std::make_shared<LimitLive>(bits);
    if (region) {
      live->region = std::make_unique<RegionShare>(shared::hash_text(seed, settings.name), settings.edges);
    }
    known = live;
  }
  return live;
}

RateLimit::RateLimit(RateLimitSettings settings, std::shared_ptr<LimitLive> live, std::uint64_t seed)
    : settings_(std::move(settings)),
      live_(std::move(live)),
      seed_(shared::hash_text(seed, settings_.name)),
      exempt_(settings_.exempt),
      reason_("over the limit '" + settings_.name + "'"),
      hash_(seed_),
      by_client_(settings_.key == std::vector<LimitKeyPart>{{}} && settings_.scope == LimitScope::edge) {
  allowance_.interval = static_cast<std::uint64_t>(std::max(1LL, std::llround(kTicksASecond / settings_.rate)));
  allowance_.capacity = allowance_.interval * (std::uint64_t{settings_.burst} + 1);
  const auto [quota, window] = quota_and_window(settings_.rate);
  policy_ = "\"" + settings_.name + "\";q=" + std::to_string(quota) + ";w=" + std::to_string(window);
}

std::uint64_t RateLimit::ticks(shared::TimePoint now) {
  return static_cast<std::uint64_t>(now.time_since_epoch().count()) >> kTickBits;
}

shared::RateCells::Allowance RateLimit::allowance(std::uint32_t share) const {
  using shared::RateCells;
  // However small the share: what the table can hold.
  const std::uint64_t most = RateCells::kMostCapacity / (std::uint64_t{settings_.burst} + 1);
  const std::uint64_t interval = std::min(most, allowance_.interval * RegionShare::kWhole / std::max(share, 1U));
  const std::uint64_t capacity = interval * (std::uint64_t{settings_.burst} + 1);
  // What was used with another share counts as well.
  const std::uint64_t reach = allowance_.capacity * (RegionShare::kWhole / RegionShare::kLeast);
  return {.interval = interval, .capacity = capacity, .reach = std::min(reach, RateCells::kMostCapacity)};
}

void RateLimit::prefetch(const shared::IpAddress& client) const { live_->cells.prefetch(hash_(client_word(client))); }

bool RateLimit::applies_to(const shared::IpAddress& client) const {
  return settings_.mode != shared::Mode::disabled && !exempt_.contains(client);
}

std::uint64_t RateLimit::key_of(const LimitSubject& subject) const {
  const RegionShare* region = live_->region.get();
  if (region == nullptr) return key_of(subject, seed_, hash_);
  const std::uint64_t seed = region->seed();
  const std::uint64_t key = key_of(subject, seed, shared::SecretHash(seed));
  return key == 0 ? 1 : key;  // 0 is no key of RegionShare
}

std::uint64_t RateLimit::key_of(const LimitSubject& subject, std::uint64_t seed, const shared::SecretHash& hash) const {
  std::uint64_t key = 0;
  for (const LimitKeyPart& part : settings_.key) key = hash(key ^ word_of(part, subject, seed));
  return key;
}

LimitRuling rule(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                 shared::TimePoint now, Counting counting) {
  if (counting == Counting::foresee) return foresee(limits, subject, RateLimit::ticks(now));
  // Who is refused by one has used none of the others.
  if (limits.size() > 1) {
    const LimitRuling ahead = foresee(limits, subject, RateLimit::ticks(now));
    if (ahead.refused) {
      count(ahead.by->live().rejected);
      if (ahead.by->live().region != nullptr) Counted(*ahead.by, subject).note_refused();
      return ahead;
    }
  }
  return take(limits, subject, RateLimit::ticks(now));
}

std::string words_of(const LimitRuling& ruling) {
  const auto ms = [](shared::Duration span) {
    const auto whole = std::chrono::ceil<shared::milliseconds>(span);
    if (whole >= shared::seconds(10))
      return std::to_string(std::chrono::ceil<std::chrono::seconds>(span).count()) + "s";
    return std::to_string(whole.count()) + "ms";
  };
  const std::string name = ruling.by->settings().name + ": ";
  const std::string share = words_of_share(ruling);
  if (ruling.refused) return name + "used up, the next one in " + ms(ruling.wait) + share;
  const std::string left = std::to_string(ruling.remaining) + " more at once, all of it again in " + ms(ruling.reset);
  return name + (ruling.wait > shared::Duration{} ? "waits " + ms(ruling.wait) + ", " : "") + left + share;
}

std::string words_for(const RateLimit& limit, const LimitSubject& subject, shared::TimePoint now) {
  if (limit.settings().mode == shared::Mode::disabled) return limit.settings().name + ": is disabled";
  if (!limit.applies_to(subject.client)) return limit.settings().name + ": does not count this client";
  const bool shadow = limit.settings().mode == shared::Mode::shadow;
  return words_of(foresee(limit, subject, RateLimit::ticks(now))) +
         (shadow ? " (shadow: nothing is refused or delayed)" : "");
}

std::string ratelimit_field(const LimitRuling& ruling) {
  return "\"" + ruling.by->settings().name + "\";r=" + std::to_string(ruling.remaining) +
         ";t=" + std::to_string(seconds_up(ruling.reset));
}

std::string retry_after(const LimitRuling& ruling) {
  return std::to_string(std::max<std::int64_t>(1, seconds_up(ruling.wait)));
}

}  // namespace edge
