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

std::uint64_t ticks(shared::TimePoint now) {
  return static_cast<std::uint64_t>(now.time_since_epoch().count()) >> RateLimit::kTickBits;
}

shared::Duration from_ticks(std::uint64_t ticks) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks << RateLimit::kTickBits));
}

std::int64_t seconds_up(shared::Duration span) { return std::chrono::ceil<std::chrono::seconds>(span).count(); }

std::string_view api_key(const http::FieldList& fields) {
  if (const http::Field* key = fields.find(http::FieldId::x_api_key)) return key->value;
  const http::Field* authorization = fields.find(http::FieldId::authorization);
  return authorization == nullptr ? std::string_view() : http::bearer_token(authorization->value);
}

std::uint64_t client_hash(std::uint64_t seed, const shared::IpAddress& client) {
  const bool ipv6 = client.family == shared::Family::ipv6;
  return shared::hash_bytes(seed, (ipv6 ? client.masked(64) : client).bytes);
}

std::string_view text_of(const LimitKeyPart& part, const LimitSubject& subject) {
  switch (part.kind) {
    case LimitKeyPart::Kind::header: {
      const http::Field* field = subject.fields.find(part.name);
      return field == nullptr ? std::string_view() : field->value;
    }
    case LimitKeyPart::Kind::cookie:
      return http::find_cookie(subject.fields, part.name);
    case LimitKeyPart::Kind::api_key:
      return api_key(subject.fields);
    case LimitKeyPart::Kind::host:
      return subject.host;
    case LimitKeyPart::Kind::route:
      return subject.route;
    case LimitKeyPart::Kind::client:
    case LimitKeyPart::Kind::tier:
      break;
  }
  return {};
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

LimitRuling refusal(const RateLimit& limit, std::uint64_t used) {
  const auto [interval, capacity] = limit.allowance();
  return {.by = &limit,
          .refused = true,
          .wait = from_ticks(used + interval - capacity),
          .remaining = 0,
          .reset = from_ticks(used)};
}

LimitRuling admission(const RateLimit& limit, std::uint64_t used) {
  const auto [interval, capacity] = limit.allowance();
  const bool delays = limit.settings().excess == Excess::delay;
  return {.by = &limit,
          .refused = false,
          .wait = delays ? from_ticks(used) : shared::Duration{},
          .remaining = (capacity - used - interval) / interval,
          .reset = from_ticks(used + interval)};
}

// Of two limits that let a request in, the one worth telling of.
bool is_tighter(const LimitRuling& one, const LimitRuling& other) {
  if (other.by == nullptr) return true;
  if (one.wait != other.wait) return one.wait > other.wait;
  return one.remaining < other.remaining;
}

LimitRuling ruling_of(const RateLimit& limit, const shared::RateCells::Taken& taken) {
  return taken.admitted ? admission(limit, taken.used) : refusal(limit, taken.used);
}

LimitRuling foresee(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                    std::uint64_t now) {
  LimitRuling tightest;
  for (const auto& limit : limits) {
    if (limit->settings().mode != shared::Mode::enforce || !limit->applies_to(subject.client)) continue;
    const shared::RateCells& cells = limit->live().cells;
    const LimitRuling here = ruling_of(*limit, cells.look(limit->key_of(subject), now, limit->allowance()));
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
    const LimitRuling here = ruling_of(*limit, live.cells.take(limit->key_of(subject), now, limit->allowance()));
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

}  // namespace

std::shared_ptr<LimitLive> LimitLives::of(const RateLimitSettings& settings) {
  const unsigned bits = line_bits(settings.keys);
  std::weak_ptr<LimitLive>& known = lives_[settings.name];
  std::shared_ptr<LimitLive> live = known.lock();
  if (live == nullptr || live->cells.octets() != std::size_t{64} << bits) {
    live = std::make_shared<LimitLive>(bits);
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

bool RateLimit::applies_to(const shared::IpAddress& client) const {
  return settings_.mode != shared::Mode::disabled && !exempt_.contains(client);
}

std::uint64_t RateLimit::key_of(const LimitSubject& subject) const {
  std::uint64_t key = seed_;
  for (const LimitKeyPart& part : settings_.key) {
    if (part.kind == LimitKeyPart::Kind::tier) {
      key = shared::mix(key + static_cast<std::uint64_t>(subject.tier) + 1);
      continue;
    }
    const std::string_view text = text_of(part, subject);
    key = text.empty() ? client_hash(key, subject.client) : shared::hash_text(key ^ 1, text);
  }
  return key;
}

LimitRuling rule(std::span<const std::shared_ptr<const RateLimit>> limits, const LimitSubject& subject,
                 shared::TimePoint now, Counting counting) {
  if (counting == Counting::foresee) return foresee(limits, subject, ticks(now));
  // Who is refused by one has used none of the others.
  if (limits.size() > 1) {
    const LimitRuling ahead = foresee(limits, subject, ticks(now));
    if (ahead.refused) {
      count(ahead.by->live().rejected);
      return ahead;
    }
  }
  return take(limits, subject, ticks(now));
}

std::string words_of(const LimitRuling& ruling) {
  const auto ms = [](shared::Duration span) {
    return std::to_string(std::chrono::ceil<shared::milliseconds>(span).count()) + "ms";
  };
  const std::string name = ruling.by->settings().name + ": ";
  if (ruling.refused) return name + "used up, the next one in " + ms(ruling.wait);
  const std::string left = std::to_string(ruling.remaining) + " more at once, all of it again in " + ms(ruling.reset);
  return name + (ruling.wait > shared::Duration{} ? "waits " + ms(ruling.wait) + ", " : "") + left;
}

std::string ratelimit_field(const LimitRuling& ruling) {
  return "\"" + ruling.by->settings().name + "\";r=" + std::to_string(ruling.remaining) +
         ";t=" + std::to_string(seconds_up(ruling.reset));
}

std::string retry_after(const LimitRuling& ruling) {
  return std::to_string(std::max<std::int64_t>(1, seconds_up(ruling.wait)));
}

}  // namespace edge
