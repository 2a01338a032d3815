#include "edge/core/protect/rate_limit.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <utility>

#include "shared/core/hash.h"
#include "shared/http/authorization.h"
#include "shared/http/cookie.h"

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

std::uint64_t client_hash(std::uint64_t seed, const shared::IpAddress& client) {
  const bool ipv6 = client.family == shared::Family::ipv6;
  return shared::hash_bytes(seed, (ipv6 ? client.masked(64) : client).bytes);
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
    case LimitKeyPart::Kind::header:
    case LimitKeyPart::Kind::tier:
      break;
  }
  return {};
}

std::uint64_t text_hash(std::uint64_t key, std::string_view text) { return shared::hash_text(key ^ 1, text); }

// All its lines, which are one value (RFC 9110 5.3). Where that is no list, decide() lets nobody in with two.
std::uint64_t header_hash(std::uint64_t seed, const LimitKeyPart& part, const LimitSubject& subject) {
  std::uint64_t key = seed;
  bool there = false;
  for (const http::Field& field : subject.fields) {
    if (field.value.empty() || !http::equals_ignoring_case(field.name, part.name)) continue;
    key = text_hash(key, field.value);
    there = true;
  }
  return there ? key : client_hash(seed, subject.client);
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

LimitRuling refusal(const Counted& counted, std::uint64_t used) {
  const auto [interval, capacity, reach] = counted.allowance;
  return {.by = &counted.limit,
          .refused = true,
          .wait = from_ticks(used + interval - capacity),
          .remaining = 0,
          .reset = from_ticks(used)};
}

LimitRuling admission(const Counted& counted, std::uint64_t used) {
  const auto [interval, capacity, reach] = counted.allowance;
  const bool delays = counted.limit.settings().excess == Excess::delay;
  return {.by = &counted.limit,
          .refused = false,
          .wait = delays ? from_ticks(counted.wait_of(used)) : shared::Duration{},
          .remaining = (capacity - used - interval) / interval,
          .reset = from_ticks(used + interval)};
}

// Of two limits that let a request in, the one worth telling of.
bool is_tighter(const LimitRuling& one, const LimitRuling& other) {
  if (other.by == nullptr) return true;
  if (one.wait != other.wait) return one.wait > other.wait;
  return one.remaining < other.remaining;
}

LimitRuling ruling_of(const Counted& counted, const shared::RateCells::Taken& taken) {
  LimitRuling ruling = taken.admitted ? admission(counted, taken.used) : refusal(counted, taken.used);
  ruling.share = counted.terms.share;
  ruling.grade = counted.terms.grade;
  return ruling;
}

LimitRuling foresee(const RateLimit& limit, const LimitSubject& subject, std::uint64_t now) {
  const shared::RateCells& cells = limit.live().cells;
  const Counted counted(limit, subject);
  return ruling_of(counted, cells.look(counted.key, now, counted.allowance));
}

LimitRuling foresee(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                    std::uint64_t now) {
  LimitRuling tightest;
  for (const auto& limit : limits) {
    if (limit->settings().mode != shared::Mode::enforce || !limit->applies_to(subject.client)) continue;
    const LimitRuling here = foresee(*limit, subject, now);
    if (here.refused) return here;
    if (is_tighter(here, tightest)) tightest = here;
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
    const LimitRuling here = ruling_of(counted, taken);
    const bool excess = here.refused || here.wait > shared::Duration{};
    if (limit->settings().mode == shared::Mode::shadow) {
      count(excess ? live.shadowed : live.passed);
      continue;
    }
    count(here.refused ? live.rejected : excess ? live.delayed : live.passed);
    if (here.refused) return here;
    if (is_tighter(here, tightest)) tightest = here;
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
      reason_("over the limit '" + settings_.name + "'") {
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

bool RateLimit::applies_to(const shared::IpAddress& client) const {
  return settings_.mode != shared::Mode::disabled && !exempt_.contains(client);
}

std::uint64_t RateLimit::key_of(const LimitSubject& subject) const {
  const RegionShare* region = live_->region.get();
  std::uint64_t key = region == nullptr ? seed_ : region->seed();
  for (const LimitKeyPart& part : settings_.key) {
    if (part.kind == LimitKeyPart::Kind::tier) {
      key = shared::mix(key + static_cast<std::uint64_t>(subject.tier) + 1);
      continue;
    }
    if (part.kind == LimitKeyPart::Kind::header) {
      key = header_hash(key, part, subject);
      continue;
    }
    const std::string_view text = text_of(part, subject);
    key = text.empty() ? client_hash(key, subject.client) : text_hash(key, text);
  }
  return region != nullptr && key == 0 ? 1 : key;  // 0 is no key of RegionShare
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
