#include "edge/core/protect/region_leases.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace edge {
namespace {

constexpr double kNews = 0.3;           // how much of a demand is what was asked lately
constexpr double kLeastDemand = 0.001;  // of who has asked within hold(): its place is kept
constexpr shared::Duration kShortestHold = shared::seconds(2);
constexpr shared::Duration kLongestHold = shared::seconds(60);

double seconds_of(shared::Duration span) { return std::chrono::duration<double>(span).count(); }

std::uint32_t thousandths(double demand) {
  return static_cast<std::uint32_t>(std::llround(std::clamp(demand, kLeastDemand, 1e6) * 1000));
}

}  // namespace

RegionLeases::RegionLeases(std::shared_ptr<const RateLimit> limit)
    : limit_(std::move(limit)), edges_(limit_->settings().edges) {}

void RegionLeases::use(std::shared_ptr<const RateLimit> limit) {
  limit_ = std::move(limit);
  // Who has never been counted is as many as are configured.
  if (answered_ == shared::TimePoint{}) {
    edges_ = limit_->settings().edges;
    share().stand_alone(edges_);
  }
}

// How long a key is hot after its last request: until its allowance is whole again, twice.
shared::Duration RegionLeases::hold() const {
  const auto [interval, capacity, reach] = limit_->allowance();
  const shared::Duration whole = std::chrono::nanoseconds(static_cast<std::int64_t>(capacity << RateLimit::kTickBits));
  return std::clamp(2 * whole, kShortestHold, kLongestHold);
}

LeaseAsk RegionLeases::ask(shared::TimePoint now) {
  const double elapsed = std::max(0.001, asked_ == shared::TimePoint{} ? 1.0 : seconds_of(now - asked_));
  asked_ = now;
  leased_ = 0;
  hot_ = 0;
  LeaseAsk ask;
  ask.since = cursor_;
  for (std::size_t place = 0; place < RegionShare::kHotKeys; ++place) look_at(place, elapsed, now, ask);
  const auto needs_more = [](const LeaseAsk::Key& one, const LeaseAsk::Key& other) {
    // What is given back comes first: others wait for it.
    if ((one.demand == 0) != (other.demand == 0)) return one.demand == 0;
    return one.demand > other.demand;
  };
  if (ask.keys.size() > kMostAsked) {
    left_out_ += ask.keys.size() - kMostAsked;
    std::ranges::nth_element(ask.keys, ask.keys.begin() + kMostAsked, needs_more);
    ask.keys.resize(kMostAsked);
  }
  // Whom a broken lease has left behind is cold again; what is renewed now has not come to that.
  for (std::size_t place = 0; place < RegionShare::kHotKeys; ++place) {
    Known& known = known_[place];
    if (known.leased_until == shared::TimePoint{} || known.leased_until > now) continue;
    known.leased_until = {};
    set_share(share().hot_key(place), 0, now);
  }
  return ask;
}

void RegionLeases::look_at(std::size_t place, double elapsed, shared::TimePoint now, LeaseAsk& ask) {
  RegionShare::HotKey& hot = share().hot_key(place);
  const std::uint64_t key = hot.key.load(std::memory_order_relaxed);
  if (key == 0) return;
  Known& known = known_[place];
  const std::uint32_t asked = hot.asked.exchange(0, std::memory_order_relaxed);
  known.demand += kNews * (asked / elapsed - known.demand);
  if (asked > 0) known.active = now;
  ++hot_;
  const bool leased = known.leased_until > now;
  if (leased) ++leased_;
  const bool wanted = known.active != shared::TimePoint{} && known.active + hold() >= now;
  if (wanted) {
    ask.keys.push_back({.key = key, .demand = thousandths(known.demand), .place = place});
  } else if (leased) {
    ask.keys.push_back({.key = key, .demand = 0, .place = place});
  } else if (known.told_until < now) {
    cool(place);
  }
}

void RegionLeases::take(const LeaseAsk& asked, const LeaseAnswer& answer, shared::TimePoint now,
                        shared::Duration lease) {
  answered_ = now;
  cursor_ = answer.cursor;
  edges_ = answer.edges;
  share().lease_with(edges_);
  if (answer.seed != share().seed()) {
    share().use_seed(answer.seed);
    std::ranges::fill(known_, Known());
    return;  // these keys are of the seed before
  }
  for (const std::uint64_t key : answer.hot) hear_of(key, now);
  for (std::size_t i = 0; i < asked.keys.size() && i < answer.shares.size(); ++i) {
    const LeaseAsk::Key& one = asked.keys[i];
    RegionShare::HotKey& hot = share().hot_key(one.place);
    if (hot.key.load(std::memory_order_relaxed) != one.key) continue;
    Known& known = known_[one.place];
    if (one.demand > 0) {
      known.leased_until = now + lease;
      set_share(hot, answer.shares[i], now);
    } else if (known.told_until >= now) {
      known.leased_until = {};
      set_share(hot, RegionShare::kLeast, now);
    } else {
      cool(one.place);
    }
  }
}

// Others ask for this key: until we have a share of our own, the least must do.
void RegionLeases::hear_of(std::uint64_t key, shared::TimePoint now) {
  RegionShare::HotKey* hot = share().heat(key);
  if (hot == nullptr) {
    ++left_out_;
    return;
  }
  const auto place = static_cast<std::size_t>(hot - &share().hot_key(0));
  known_[place].told_until = now + kHotKeyTold + kShortestHold;
  if (hot->share.load(std::memory_order_relaxed) == 0) set_share(*hot, RegionShare::kLeast, now);
}

void RegionLeases::set_share(RegionShare::HotKey& hot, std::uint32_t next, shared::TimePoint now) {
  const std::uint32_t before = hot.share.load(std::memory_order_relaxed);
  if (before == next) return;
  const std::uint32_t from = before == 0 ? share().equal_share() : before;
  const std::uint32_t to = next == 0 ? share().equal_share() : next;
  // As many requests have been used as before; each takes longer to come back, or shorter.
  limit_->live().cells.rescale(hot.key.load(std::memory_order_relaxed), RateLimit::ticks(now),
                               static_cast<double>(from) / to, limit_->allowance(to));
  hot.share.store(next, std::memory_order_relaxed);
}

void RegionLeases::cool(std::size_t place) {
  set_share(share().hot_key(place), 0, asked_);
  RegionShare::cool(share().hot_key(place));
  known_[place] = {};
}

void RegionLeases::stand_alone(shared::TimePoint now) {
  for (std::size_t place = 0; place < RegionShare::kHotKeys; ++place) {
    if (share().hot_key(place).key.load(std::memory_order_relaxed) == 0) continue;
    set_share(share().hot_key(place), 0, now);
    cool(place);
  }
  share().stand_alone(edges_);
}

}  // namespace edge
