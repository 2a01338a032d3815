#include "edge/core/protect/response_time.h"

#include <gtest/gtest.h>

#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "tests/edge/core/pool_world.h"

namespace edge::response_time_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using shared::TimePoint;
using test::Algorithm;
using test::PoolWorld;

constexpr TimePoint kStart{std::chrono::hours(100)};

TEST(ResponseTime, APeakCountsAtOnceAndFadesByHalfLives) {
  ResponseTime time;
  EXPECT_EQ(time.mean_us(kStart, seconds(10)), 0.0F) << "never measured";
  time.observe(milliseconds(4), kStart, seconds(10));
  EXPECT_FLOAT_EQ(time.mean_us(kStart, seconds(10)), 4000.0F);
  time.observe(milliseconds(1), kStart, seconds(10));
  EXPECT_FLOAT_EQ(time.mean_us(kStart, seconds(10)), 4000.0F) << "one fast answer does not undo a peak";
  EXPECT_FLOAT_EQ(time.mean_us(kStart + seconds(10), seconds(10)), 2000.0F);
  EXPECT_FLOAT_EQ(time.mean_us(kStart + seconds(20), seconds(10)), 1000.0F);
  EXPECT_FLOAT_EQ(time.mean_us(kStart + std::chrono::hours(5), seconds(10)), 1.0F) << "but it stays measured";
  time.observe(milliseconds(50), kStart + seconds(20), seconds(10));
  EXPECT_FLOAT_EQ(time.mean_us(kStart + seconds(20), seconds(10)), 50000.0F);
}

TEST(ResponseTime, ManyFastAnswersComeDownToTheirMean) {
  ResponseTime time;
  time.observe(milliseconds(100), kStart, seconds(1));
  TimePoint now = kStart;
  for (int i = 0; i < 40000; ++i) {
    now += std::chrono::microseconds(400);  // less than its clock's tick
    time.observe(milliseconds(1), now, seconds(1));
  }
  EXPECT_NEAR(time.mean_us(now, seconds(1)), 1000, 30);
}

// A queue in front of each server, which serves one request at a time; requests come at random, workers take them in
// turn. Time is the simulation's own.
class Queues {
 public:
  struct Behaviour {
    milliseconds service{1};
    bool fails = false;  // answers at once, with an error
  };

  Queues(PoolWorld& world, unsigned workers, std::vector<Behaviour> behaviours)
      : world_(world), behaviours_(std::move(behaviours)), busy_until_(behaviours_.size(), world.now) {
    for (unsigned worker = 0; worker < workers; ++worker) states_.emplace_back(worker * 131);
  }

  // `per_second` requests for so long; how many each server got.
  std::vector<int> run(double per_second, seconds length) {
    std::vector<int> got(behaviours_.size(), 0);
    std::exponential_distribution<double> gap(per_second);
    const TimePoint end = world_.now + length;
    while (world_.now < end) {
      finish_until(world_.now);
      const int index = world_.pick_one(states_[next_worker_++ % states_.size()]);
      if (index >= 0) begin(static_cast<std::size_t>(index)), ++got[static_cast<std::size_t>(index)];
      world_.now += std::chrono::duration_cast<shared::Duration>(std::chrono::duration<double>(gap(random_)));
    }
    return got;
  }
  Behaviour& server(std::size_t index) { return behaviours_[index]; }

 private:
  struct Job {
    TimePoint ends;
    TimePoint began;
    std::size_t server;
    bool failed;
    bool operator>(const Job& other) const { return ends > other.ends; }
  };

  void begin(std::size_t index) {
    ++world_.server(index).in_flight;
    const Behaviour& how = behaviours_[index];
    busy_until_[index] = std::max(busy_until_[index], world_.now) + (how.fails ? milliseconds(0) : how.service);
    jobs_.push({busy_until_[index], world_.now, index, how.fails});
  }
  void finish_until(TimePoint now) {
    while (!jobs_.empty() && jobs_.top().ends <= now) {
      const Job job = jobs_.top();
      jobs_.pop();
      ServerLive& live = world_.server(job.server);
      --live.in_flight;
      const ResponseTimeRules& rules = world_.pool.response_time;
      const shared::Duration took = job.ends - job.began;
      live.response_time.observe(job.failed ? std::max<shared::Duration>(took, rules.error) : took, job.ends,
                                 rules.half_life);
    }
  }

  PoolWorld& world_;
  std::vector<Behaviour> behaviours_;
  std::vector<TimePoint> busy_until_;
  std::vector<BalanceState> states_;
  std::size_t next_worker_ = 0;
  std::mt19937 random_{17};
  std::priority_queue<Job, std::vector<Job>, std::greater<>> jobs_;
};

class LeastTimeQueues : public ::testing::TestWithParam<unsigned> {};

TEST_P(LeastTimeQueues, TheSlowOneGetsLittleAndComesBack) {
  PoolWorld world(Algorithm::least_time, {1, 1, 1});
  world.pool.response_time = {.half_life = milliseconds(1000), .error = milliseconds(5000)};
  Queues queues(world, GetParam(), {{milliseconds(2)}, {milliseconds(2)}, {milliseconds(20)}});
  std::vector<int> got = queues.run(400, seconds(20));
  EXPECT_LT(got[2], 8000 * 5 / 100);
  EXPECT_NEAR(got[0], got[1], 8000 / 6);
  EXPECT_GT(got[2], 0) << "it is asked now and then";
  queues.server(2).service = milliseconds(2);
  queues.run(400, seconds(10));
  got = queues.run(400, seconds(20));
  EXPECT_NEAR(got[2], 8000 / 3, 8000 / 6) << "as fast as the others again";
}

TEST_P(LeastTimeQueues, AServerThatFailsFastIsNoMagnet) {
  PoolWorld world(Algorithm::least_time, {1, 1, 1});
  world.pool.response_time = {.half_life = milliseconds(2000), .error = milliseconds(5000)};
  Queues queues(world, GetParam(), {{milliseconds(2)}, {milliseconds(2)}, {milliseconds(2), true}});
  const std::vector<int> got = queues.run(400, seconds(30));
  EXPECT_LT(got[2], 12000 / 100) << "each error keeps it away for half-lives";
}

INSTANTIATE_TEST_SUITE_P(Workers, LeastTimeQueues, ::testing::Values(1U, 2U));

TEST(LeastTime, ANewServerGetsOneRequestUntilItAnswers) {
  PoolWorld world(Algorithm::least_time, {1, 1});
  world.server(0).response_time.observe(milliseconds(1), world.now, seconds(10));
  BalanceState state;
  EXPECT_EQ(world.pick_one(state), 1);
  world.server(1).in_flight = 1;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world.pick_one(state), 0);
}

TEST(LeastTime, InABigPoolTheSlowHalfGetsLittle) {
  PoolWorld world(Algorithm::least_time, std::vector<std::uint16_t>(100, 1));
  for (std::size_t i = 0; i < 100; ++i) {
    world.server(i).response_time.observe(milliseconds(i < 50 ? 1 : 30), world.now, seconds(10));
  }
  BalanceState state;
  const std::vector<int> got = world.shares(state, 2000);
  int slow = 0;
  for (std::size_t i = 50; i < 100; ++i) slow += got[i];
  EXPECT_LT(slow, 2000 / 20) << "only when all of a sample are slow";
}

}  // namespace
}  // namespace edge::response_time_test
