#include "edge/core/protect/breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace edge::breaker_test {
namespace {

using shared::milliseconds;
using shared::TimePoint;
using Kind = BreakerPermit::Kind;

constexpr TimePoint kStart{std::chrono::hours(100)};

BreakerSettings settings() {
  BreakerSettings s;
  s.failures = 3;
  s.probes = 2;
  s.successes = 2;
  s.open = milliseconds(1000);
  s.max_open = milliseconds(8000);
  s.jitter = 0;
  return s;
}

struct World {
  BreakerSettings set = settings();
  Breaker breaker;
  ServerState mirror;
  TimePoint now = kStart;

  BreakerPermit enter() { return breaker.enter(set, now, mirror); }
  BreakerChange leave(BreakerPermit permit, BreakerOutcome outcome) {
    return breaker.leave(permit, outcome, set, now, 7, mirror);
  }
  BreakerChange request(BreakerOutcome outcome) { return leave(enter(), outcome); }
  BreakerState state() { return breaker.state_at(set, now); }
  void open() {
    for (int i = 0; i < set.failures; ++i) request(BreakerOutcome::failure);
  }
  void later(milliseconds by) {
    now += by;
    breaker.tick(set, now, mirror);
  }
};

TEST(Breaker, OneThatIsDueStaysSoUntilItMayOpenOrSucceeds) {
  World world;
  const auto report = [&](BreakerOutcome outcome) {
    return world.breaker.report(world.enter(), outcome, world.set, world.now, 7, world.mirror);
  };
  const auto open = [&] { return world.breaker.open(world.set, world.now, 7, world.mirror); };
  EXPECT_EQ(report(BreakerOutcome::failure), BreakerChange::none);
  EXPECT_EQ(report(BreakerOutcome::failure), BreakerChange::none);
  EXPECT_EQ(open(), BreakerChange::none) << "it is not due";
  EXPECT_EQ(report(BreakerOutcome::failure), BreakerChange::due);
  EXPECT_EQ(world.state(), BreakerState::closed);
  EXPECT_EQ(report(BreakerOutcome::failure), BreakerChange::due);
  EXPECT_EQ(report(BreakerOutcome::success), BreakerChange::none);
  EXPECT_EQ(open(), BreakerChange::none);
  for (int i = 0; i < 3; ++i) report(BreakerOutcome::failure);
  EXPECT_EQ(open(), BreakerChange::opened);
  EXPECT_EQ(world.state(), BreakerState::open);
  EXPECT_EQ(open(), BreakerChange::none);
}

TEST(Breaker, WordKeepsEveryPart) {
  BreakerWord word;
  word.state = BreakerState::half_open;
  word.era = 63;
  word.count = 1023;
  word.grown = 15;
  word.probes = 60;
  word.time = (std::uint64_t{1} << 36) - 1;
  EXPECT_EQ(BreakerWord::unpack(word.pack()), word);
  EXPECT_EQ(BreakerWord{}.pack(), 0u);
}

TEST(Breaker, OpensAfterFailuresInARowOnly) {
  World w;
  for (int i = 0; i < 20; ++i) {
    w.request(BreakerOutcome::failure);
    w.request(BreakerOutcome::failure);
    EXPECT_EQ(w.request(BreakerOutcome::success), BreakerChange::none);
  }
  w.request(BreakerOutcome::failure);
  w.request(BreakerOutcome::unknown);
  w.request(BreakerOutcome::failure);
  EXPECT_EQ(w.request(BreakerOutcome::failure), BreakerChange::opened) << "unknown breaks no row";
  EXPECT_EQ(w.state(), BreakerState::open);
  EXPECT_EQ(w.mirror.breaker(), BreakerState::open);
  EXPECT_TRUE(w.enter().refused());
}

TEST(Breaker, ProbesAreBoundedAndCloseIt) {
  World w;
  w.open();
  w.later(milliseconds(999));
  EXPECT_TRUE(w.enter().refused());
  w.later(milliseconds(20));
  EXPECT_EQ(w.mirror.breaker(), BreakerState::half_open);
  const auto first = w.enter();
  const auto second = w.enter();
  EXPECT_EQ(first.kind, Kind::probe);
  EXPECT_EQ(second.kind, Kind::probe);
  EXPECT_TRUE(w.enter().refused()) << "two at a time";
  EXPECT_EQ(w.mirror.breaker(), BreakerState::probing);
  EXPECT_EQ(w.leave(first, BreakerOutcome::unknown), BreakerChange::none);
  EXPECT_EQ(w.mirror.breaker(), BreakerState::half_open) << "a permit is given back whatever came of it";
  EXPECT_EQ(w.leave(second, BreakerOutcome::success), BreakerChange::none);
  EXPECT_EQ(w.request(BreakerOutcome::success), BreakerChange::closed);
  EXPECT_EQ(w.mirror.breaker(), BreakerState::closed);
  EXPECT_EQ(w.enter().kind, Kind::normal);
}

TEST(Breaker, AFailedProbeOpensItForLonger) {
  World w;
  w.open();
  milliseconds length = w.set.open;
  for (int round = 0; round < 6; ++round) {
    w.later(length - milliseconds(20));
    EXPECT_TRUE(w.enter().refused()) << round;
    w.later(milliseconds(40));
    EXPECT_EQ(w.request(BreakerOutcome::failure), BreakerChange::opened) << round;
    length = std::min(length * 2, w.set.max_open);
  }
}

TEST(Breaker, OpenTimeIsShortAgainAfterALongPeace) {
  World w;
  w.open();
  w.later(milliseconds(1020));
  w.request(BreakerOutcome::success);
  EXPECT_EQ(w.request(BreakerOutcome::success), BreakerChange::closed);
  w.open();
  w.later(milliseconds(1900));
  EXPECT_TRUE(w.enter().refused()) << "again within max_open: twice as long";
  w.later(milliseconds(200));
  w.request(BreakerOutcome::success);
  w.request(BreakerOutcome::success);
  w.later(w.set.max_open + milliseconds(100));
  w.open();
  w.later(milliseconds(1020));
  EXPECT_EQ(w.enter().kind, Kind::probe);
}

TEST(Breaker, AProbeOfAnOlderEraChangesNothing) {
  World w;
  w.open();
  w.later(milliseconds(1020));
  const auto slow = w.enter();
  EXPECT_EQ(w.request(BreakerOutcome::failure), BreakerChange::opened);
  w.later(milliseconds(2020));
  const auto fresh = w.enter();
  const auto word = w.breaker.word();
  EXPECT_EQ(w.leave(slow, BreakerOutcome::failure), BreakerChange::none);
  EXPECT_EQ(w.breaker.word(), word);
  EXPECT_EQ(w.leave(fresh, BreakerOutcome::success), BreakerChange::none);
}

TEST(Breaker, JitterOnlyMakesItLonger) {
  std::vector<milliseconds> lengths;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    World w;
    w.set.jitter = 0.5;
    for (int i = 0; i < 3; ++i) w.breaker.leave(w.enter(), BreakerOutcome::failure, w.set, w.now, seed, w.mirror);
    milliseconds length(0);
    while (w.state() == BreakerState::open && length < milliseconds(3000)) {
      w.later(milliseconds(10));
      length += milliseconds(10);
    }
    lengths.push_back(length);
  }
  const auto [shortest, longest] = std::ranges::minmax(lengths);
  EXPECT_GE(shortest, milliseconds(990));  // it counts in steps of 8 ms
  EXPECT_LE(shortest, milliseconds(1100));
  EXPECT_GE(longest, milliseconds(1400));
  EXPECT_LE(longest, milliseconds(1510));
  std::ranges::sort(lengths);
  EXPECT_NEAR(static_cast<double>(lengths[25].count()), 1250, 100) << "evenly spread";
}

TEST(Breaker, ShadowRefusesNobodyAndShowsWhatItWouldDo) {
  World w;
  w.set.mode = shared::Mode::shadow;
  w.open();
  EXPECT_EQ(w.state(), BreakerState::open);
  EXPECT_EQ(w.enter().kind, Kind::shadowed);
  EXPECT_EQ(w.mirror.breaker(), BreakerState::closed) << "pick() is not told";
  EXPECT_EQ(w.leave(w.enter(), BreakerOutcome::success), BreakerChange::none);
  w.later(milliseconds(1020));
  w.request(BreakerOutcome::success);
  EXPECT_EQ(w.request(BreakerOutcome::success), BreakerChange::closed);
}

TEST(Breaker, OneThatOpenedInShadowIsOpenForAllFromTheTickAfterItIsEnforced) {
  World w;
  w.set.mode = shared::Mode::shadow;
  w.open();
  w.later(milliseconds(10));
  EXPECT_EQ(w.mirror.breaker(), BreakerState::closed);
  w.set.mode = shared::Mode::enforce;
  w.later(milliseconds(10));
  EXPECT_EQ(w.mirror.breaker(), BreakerState::open);
  EXPECT_TRUE(w.enter().refused());
}

TEST(Breaker, DisabledIsNothing) {
  World w;
  w.open();
  w.set.mode = shared::Mode::disabled;
  w.later(milliseconds(1));
  EXPECT_EQ(w.mirror.breaker(), BreakerState::closed);
  EXPECT_EQ(w.enter().kind, Kind::normal);
}

// The model: what the header's picture says, with plain numbers. Every sequence of five steps out of eight kinds.
struct Model {
  enum class State { closed, open, half } state = State::closed;
  int failures = 0, probes = 0, good = 0, era = 0, length = 1;
  int open_until = 0, closed_at = -1000, now = 0;  // seconds

  struct Permit {
    Kind kind;
    int era;
  };
  void trip() {
    state = State::open;
    ++era;
    open_until = now + length;
  }
  Permit enter() {
    if (state == State::open && now >= open_until) {
      state = State::half;
      probes = good = 0;
    }
    if (state == State::closed) return {Kind::normal, era};
    if (state == State::open || probes == 1) return {Kind::refused, era};
    ++probes;
    return {Kind::probe, era};
  }
  void leave(Permit p, BreakerOutcome o) {
    if (p.kind == Kind::normal && state == State::closed) {
      if (o == BreakerOutcome::success) failures = 0;
      if (o == BreakerOutcome::failure && ++failures == 2) {
        length = now < closed_at + 4 ? std::min(length * 2, 4) : 1;
        failures = 0;
        trip();
      }
    } else if (p.kind == Kind::probe && state == State::half && p.era == era) {
      --probes;
      if (o == BreakerOutcome::failure) {
        length = std::min(length * 2, 4);
        trip();
      } else if (o == BreakerOutcome::success) {
        state = State::closed;
        failures = 0;
        closed_at = now;
      }
    }
  }
};

void run_both(unsigned sequence, int steps) {
  World real;
  real.set.failures = 2;
  real.set.probes = 1;
  real.set.successes = 1;
  real.set.max_open = milliseconds(4000);
  Model model;
  std::vector<std::pair<BreakerPermit, Model::Permit>> held;
  for (int i = 0; i < steps; ++i, sequence /= 6) {
    const unsigned what = sequence % 6;
    if (what == 0 && held.size() < 3) {
      const auto expected = model.enter();
      const auto got = real.enter();
      ASSERT_EQ(got.kind, expected.kind);
      if (!got.refused()) held.emplace_back(got, expected);
    } else if (what <= 3 && !held.empty()) {
      const auto outcome = static_cast<BreakerOutcome>(what % 3);
      model.leave(held.front().second, outcome);
      real.leave(held.front().first, outcome);
      held.erase(held.begin());
    } else if (what == 4 && !held.empty()) {
      model.leave(held.back().second, BreakerOutcome::failure);
      real.leave(held.back().first, BreakerOutcome::failure);
      held.pop_back();
    } else if (what == 5) {
      ++model.now;
      real.later(milliseconds(1008));  // past the rounding to steps of 8 ms
    }
  }
  const auto bits = BreakerWord::unpack(real.breaker.word());
  ASSERT_EQ(static_cast<int>(bits.state), static_cast<int>(model.state));
  if (model.state == Model::State::half) {
    ASSERT_EQ(bits.probes, model.probes);
  }
  ASSERT_EQ(real.mirror.breaker(), real.state());
}

TEST(Breaker, FollowsTheModelOverShortSequences) {
  for (unsigned sequence = 0; sequence < 6 * 6 * 6 * 6 * 6 * 6; ++sequence) {
    ASSERT_NO_FATAL_FAILURE(run_both(sequence, 6)) << sequence;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) ASSERT_NO_FATAL_FAILURE(run_both(static_cast<unsigned>(random()), 12)) << i;
}

}  // namespace
}  // namespace edge::breaker_test
