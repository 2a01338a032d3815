#include "edge/core/pool/session_table.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace edge {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// A value: kind (2 bits), server (34), time (28), in ticks of 1/16 s, which wrap after 194 days.
constexpr unsigned kTimeBits = 28;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
constexpr std::uint64_t kServerMask = (std::uint64_t{1} << SessionTable::kServerBits) - 1;
constexpr shared::Duration kTick = shared::nanoseconds(62'500'000);
constexpr std::uint64_t kAhead = 16 * 60;  // so many ticks may another thread's clock be ahead of ours

static_assert(2 + SessionTable::kServerBits + kTimeBits == 64);

std::uint64_t ticks(shared::TimePoint now) {
  return static_cast<std::uint64_t>(now.time_since_epoch() / kTick) & kTimeMask;
}

std::uint64_t make_value(SessionTable::Kind kind, std::uint64_t server, shared::TimePoint now) {
  return static_cast<std::uint64_t>(kind) << 62U | (server & kServerMask) << kTimeBits | ticks(now);
}

SessionTable::Kind kind_of(std::uint64_t value) { return static_cast<SessionTable::Kind>(value >> 62U); }

std::uint64_t age_of(std::uint64_t value, shared::TimePoint now) {
  const std::uint64_t age = (ticks(now) - value) & kTimeMask;
  return age > kTimeMask - kAhead ? 0 : age;
}

// Whether the first was put after the second's time.
bool is_newer(std::uint64_t value, shared::TimePoint than) {
  const std::uint64_t ahead = (value - ticks(than)) & kTimeMask;
  return ahead != 0 && ahead < kTimeMask / 2;
}

}  // namespace

SessionTable::SessionTable(std::size_t sessions, Lifetimes lifetimes)
    : lifetimes_(lifetimes),
      lines_(std::bit_ceil((sessions + kWays - 1) / kWays)),
      memory_(std::make_unique<Line[]>(lines_)) {}

// What the value says now; nothing when its time has passed.
std::optional<SessionTable::Found> SessionTable::read(std::uint64_t value, shared::TimePoint now) const {
  const Kind kind = kind_of(value);
  if (kind == Kind::unknown) return std::nullopt;
  const shared::Duration age = static_cast<std::int64_t>(age_of(value, now)) * kTick;
  if (age >= (kind == Kind::known ? lifetimes_.known : lifetimes_.absent)) return std::nullopt;
  return Found{.kind = kind, .server = value >> kTimeBits & kServerMask, .age = age};
}

SessionTable::Found SessionTable::find(const SessionToken& id, shared::TimePoint now) const {
  for (const Cell& cell : line_of(id).cells) {
    const std::uint64_t value = cell.value.load(kRelaxed);
    if (value == 0 || (cell.check.load(kRelaxed) ^ value) != id.low) continue;
    if (const auto found = read(value, now)) return *found;
  }
  return {};
}

void SessionTable::put(const SessionToken& id, std::uint64_t value, shared::TimePoint now) {
  const bool known = kind_of(value) == Kind::known;
  // Its own, then one that is free, then the oldest of those that nobody has, then the oldest of all.
  constexpr std::uint64_t kOwn = ~std::uint64_t{0};
  constexpr std::uint64_t kFree = kOwn - 1;
  constexpr std::uint64_t kNobodys = std::uint64_t{1} << 62U;
  Cell* best = nullptr;
  std::uint64_t best_rank = 0;
  for (Cell& cell : line_of(id).cells) {
    const std::uint64_t seen = cell.value.load(kRelaxed);
    const bool own = seen != 0 && (cell.check.load(kRelaxed) ^ seen) == id.low;
    const auto found = seen == 0 ? std::nullopt : read(seen, now);
    if (own && best_rank == kOwn) {  // two threads have put it at once: one of the two is enough
      cell.value.store(0, kRelaxed);
      continue;
    }
    const std::uint64_t age = age_of(seen, now) + 1;
    const std::uint64_t rank = own ? kOwn : !found ? kFree : found->kind == Kind::absent ? kNobodys + age : age;
    if (!known && rank < kNobodys) continue;
    if (best != nullptr && rank <= best_rank) continue;
    best = &cell;
    best_rank = rank;
  }
  if (best == nullptr) return;
  if (best_rank < kNobodys) evicted_.fetch_add(1, kRelaxed);
  best->value.store(value, kRelaxed);
  best->check.store(id.low ^ value, kRelaxed);
}

void SessionTable::know(const SessionToken& id, std::uint64_t server, shared::TimePoint now) {
  put(id, make_value(Kind::known, server, now), now);
}

void SessionTable::hear(const SessionToken& id, std::optional<std::uint64_t> server, shared::TimePoint asked) {
  for (const Cell& cell : line_of(id).cells) {
    const std::uint64_t value = cell.value.load(kRelaxed);
    if (value == 0 || (cell.check.load(kRelaxed) ^ value) != id.low || kind_of(value) != Kind::known) continue;
    if (is_newer(value, asked) || (!server && read(value, asked))) return;
  }
  put(id, make_value(server ? Kind::known : Kind::absent, server.value_or(0), asked), asked);
}

void SessionTable::touch(const SessionToken& id, shared::TimePoint now) {
  for (Cell& cell : line_of(id).cells) {
    std::uint64_t value = cell.value.load(kRelaxed);
    if (value == 0 || (cell.check.load(kRelaxed) ^ value) != id.low || kind_of(value) != Kind::known) continue;
    const std::uint64_t next = make_value(Kind::known, value >> kTimeBits, now);
    if (cell.value.compare_exchange_strong(value, next, kRelaxed)) cell.check.store(id.low ^ next, kRelaxed);
    return;
  }
}

}  // namespace edge
