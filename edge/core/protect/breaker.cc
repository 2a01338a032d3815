#include "edge/core/protect/breaker.h"

#include <algorithm>
#include <optional>

#include "shared/core/hash.h"

namespace edge {
namespace {

using shared::milliseconds;
using shared::Mode;
using shared::TimePoint;

// Bits, from the lowest: state 2, era 6, count 10, grown 4, probes 6, time 36.
constexpr unsigned kEraAt = 2, kCountAt = 8, kGrownAt = 18, kProbesAt = 22, kTimeAt = 28;
constexpr std::uint64_t kEraMask = 63, kCountMask = 1023, kGrownMask = 15, kProbesMask = 63;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << 36) - 1;
constexpr milliseconds kStep{8};

std::uint64_t steps(TimePoint t) { return static_cast<std::uint64_t>(t.time_since_epoch() / kStep) & kTimeMask; }

// Doubled, and doubled again, up to the maximum; then a little longer, by the seed.
std::uint64_t open_steps(const BreakerSettings& settings, std::uint8_t grown, std::uint64_t seed) {
  const milliseconds most = std::max(settings.max_open, settings.open);
  milliseconds open = settings.open;
  for (std::uint8_t i = 0; i < grown && open < most; ++i) open *= 2;
  const double unit = static_cast<double>(shared::mix(seed) >> 11) * 0x1.0p-53;
  const double length = static_cast<double>(std::min(open, most) / milliseconds(1)) * (1.0 + settings.jitter * unit);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(length) / static_cast<std::uint64_t>(kStep.count()));
}

struct Moment {
  const BreakerSettings& settings;
  TimePoint now;
  std::uint64_t seed;
};

BreakerWord opened(const BreakerWord& from, const Moment& at) {
  BreakerWord next;
  next.state = BreakerState::open;
  next.era = static_cast<std::uint8_t>((from.era + 1) & kEraMask);
  next.grown = from.grown;
  next.time = steps(at.now) + open_steps(at.settings, from.grown, at.seed);
  return next;
}

bool is_due(const BreakerWord& word, const BreakerSettings& settings) {
  return word.state == BreakerState::closed && word.count >= settings.failures;
}

// From closed. One that comes long after the last opening begins with the short open time again.
BreakerWord opened_anew(BreakerWord word, const Moment& at) {
  const bool soon =
      word.time != 0 && steps(at.now) < word.time + static_cast<std::uint64_t>(at.settings.max_open / kStep);
  word.grown = soon ? static_cast<std::uint8_t>(std::min<std::uint64_t>(word.grown + 1, kGrownMask)) : std::uint8_t{0};
  return opened(word, at);
}

BreakerWord after_normal(const BreakerWord& word, BreakerOutcome outcome, const Moment& at) {
  if (word.state != BreakerState::closed || outcome == BreakerOutcome::unknown) return word;
  BreakerWord next = word;
  next.count = 0;
  if (outcome == BreakerOutcome::failure) {
    next.count = static_cast<std::uint16_t>(std::min<unsigned>(word.count + 1U, at.settings.failures));
  }
  return next;
}

BreakerWord after_probe(const BreakerWord& word, BreakerPermit permit, BreakerOutcome outcome, const Moment& at) {
  if (word.state != BreakerState::half_open || word.era != permit.era) return word;
  BreakerWord next = word;
  if (next.probes > 0) --next.probes;
  if (outcome == BreakerOutcome::unknown) return next;
  if (outcome == BreakerOutcome::failure) {
    next.grown = static_cast<std::uint8_t>(std::min<std::uint64_t>(next.grown + 1, kGrownMask));
    return opened(next, at);
  }
  if (++next.count < at.settings.successes) return next;
  next.state = BreakerState::closed;
  next.count = 0;
  next.probes = 0;
  next.time = steps(at.now);
  return next;
}

// The word with one more probe under way; nothing when none is allowed now.
std::optional<BreakerWord> with_probe(BreakerWord word, const BreakerSettings& settings, TimePoint now) {
  if (word.state == BreakerState::open) {
    if (steps(now) < word.time) return std::nullopt;
    word.state = BreakerState::half_open;
    word.count = 0;
    word.probes = 0;
  }
  if (word.probes >= settings.probes) return std::nullopt;
  ++word.probes;
  return word;
}

// What a request is told, and the word after it.
struct Knock {
  BreakerPermit permit;
  BreakerWord after;
};

Knock knock_at(const BreakerWord& word, const BreakerSettings& settings, TimePoint now) {
  using Kind = BreakerPermit::Kind;
  if (word.state == BreakerState::closed) return {{.kind = Kind::normal, .era = word.era}, word};
  const auto next = with_probe(word, settings, now);
  if (next) return {{.kind = Kind::probe, .era = next->era}, *next};
  return {{.kind = settings.mode == Mode::shadow ? Kind::shadowed : Kind::refused, .era = word.era}, word};
}

}  // namespace

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
    case BreakerState::probing:
      return "probing";
  }
  return "";
}

BreakerWord BreakerWord::unpack(std::uint64_t bits) {
  return {.state = static_cast<BreakerState>(bits & 3U),
          .era = static_cast<std::uint8_t>((bits >> kEraAt) & kEraMask),
          .count = static_cast<std::uint16_t>((bits >> kCountAt) & kCountMask),
          .grown = static_cast<std::uint8_t>((bits >> kGrownAt) & kGrownMask),
          .probes = static_cast<std::uint8_t>((bits >> kProbesAt) & kProbesMask),
          .time = bits >> kTimeAt};
}

std::uint64_t BreakerWord::pack() const {
  return static_cast<std::uint64_t>(state) | (std::uint64_t{era} & kEraMask) << kEraAt |
         (std::uint64_t{count} & kCountMask) << kCountAt | (std::uint64_t{grown} & kGrownMask) << kGrownAt |
         (std::uint64_t{probes} & kProbesMask) << kProbesAt | (time & kTimeMask) << kTimeAt;
}

BreakerPermit Breaker::enter(const BreakerSettings& settings, TimePoint now, ServerState& mirror_in) {
  if (settings.mode == Mode::disabled) return {};
  std::uint64_t bits = word();
  while (true) {
    const Knock knock = knock_at(BreakerWord::unpack(bits), settings, now);
    if (knock.permit.kind != BreakerPermit::Kind::probe) return knock.permit;
    if (word_.compare_exchange_weak(bits, knock.after.pack(), std::memory_order_relaxed)) {
      mirror(settings, now, mirror_in);
      return knock.permit;
    }
  }
}

BreakerPermit Breaker::foresee(const BreakerSettings& settings, TimePoint now) const {
  if (settings.mode == Mode::disabled) return {};
  return knock_at(BreakerWord::unpack(word()), settings, now).permit;
}

BreakerChange Breaker::leave(BreakerPermit permit, BreakerOutcome outcome, const BreakerSettings& settings,
                             TimePoint now, std::uint64_t seed, ServerState& mirror_in) {
  const BreakerChange change = report(permit, outcome, settings, now, seed, mirror_in);
  return change == BreakerChange::due ? open(settings, now, seed, mirror_in) : change;
}

BreakerChange Breaker::open(const BreakerSettings& settings, TimePoint now, std::uint64_t seed,
                            ServerState& mirror_in) {
  const Moment at{settings, now, seed};
  std::uint64_t bits = word();
  do {
    if (!is_due(BreakerWord::unpack(bits), settings)) return BreakerChange::none;
  } while (
      !word_.compare_exchange_weak(bits, opened_anew(BreakerWord::unpack(bits), at).pack(), std::memory_order_relaxed));
  mirror(settings, now, mirror_in);
  return BreakerChange::opened;
}

BreakerChange Breaker::report(BreakerPermit permit, BreakerOutcome outcome, const BreakerSettings& settings,
                              TimePoint now, std::uint64_t seed, ServerState& mirror_in) {
  const bool probe = permit.kind == BreakerPermit::Kind::probe;
  if (!probe && (permit.kind != BreakerPermit::Kind::normal || settings.mode == Mode::disabled)) {
    return BreakerChange::none;
  }
  const Moment at{settings, now, seed};
  std::uint64_t bits = word();
  while (true) {
    const BreakerWord before = BreakerWord::unpack(bits);
    const BreakerWord after = probe ? after_probe(before, permit, outcome, at) : after_normal(before, outcome, at);
    const bool due = !probe && outcome == BreakerOutcome::failure && is_due(after, settings);
    if (after == before) return due ? BreakerChange::due : BreakerChange::none;
    if (!word_.compare_exchange_weak(bits, after.pack(), std::memory_order_relaxed)) continue;
    if (due) return BreakerChange::due;
    if (after.state == before.state && before.state == BreakerState::closed) return BreakerChange::none;
    mirror(settings, now, mirror_in);
    if (after.state == before.state) return BreakerChange::none;
    return after.state == BreakerState::open ? BreakerChange::opened : BreakerChange::closed;
  }
}

void Breaker::tick(const BreakerSettings& settings, TimePoint now, ServerState& mirror_in) {
  const BreakerState want = settings.mode == Mode::enforce ? state_at(settings, now) : BreakerState::closed;
  if (mirror_in.breaker() != want) mirror(settings, now, mirror_in);
}

BreakerState Breaker::state_at(const BreakerSettings& settings, TimePoint now) const {
  const BreakerWord held = BreakerWord::unpack(word());
  if (settings.mode == Mode::disabled) return BreakerState::closed;
  if (held.state == BreakerState::open && steps(now) >= held.time) return BreakerState::half_open;
  if (held.state == BreakerState::half_open && held.probes >= settings.probes) return BreakerState::probing;
  return held.state;
}

// Two threads may get here in the other order than their changes: whoever writes looks again, so the last one that
// writes has seen the last word.
void Breaker::mirror(const BreakerSettings& settings, TimePoint now, ServerState& mirror_in) const {
  std::uint64_t bits = 0;
  do {
    bits = word_.load(std::memory_order_seq_cst);
    mirror_in.set_breaker(settings.mode == Mode::enforce ? state_at(settings, now) : BreakerState::closed);
  } while (word_.load(std::memory_order_seq_cst) != bits);
}

}  // namespace edge
