#include "shared/serve/resolve/name_follower.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"

namespace shared::name_follower_test {
namespace {

using Tell = NameFollower::Tell;

// Lookups that a test answers, and a clock that it moves.
class NameFollowerTest : public ::testing::Test {
 protected:
  NameFollowerTest() { use(); }

  void use() {
    asked_.clear();
    names_.use({[this](const std::string& name, ResolveFamily, Resolver::Callback done) {
                  asked_.emplace_back(name, std::move(done));
                },
                [](const std::string&, const Resolver::SrvCallback&) {}});
  }
  NameFollower::Follow follow(const std::string& name, Tell tell = Tell::changes) {
    return names_.follow(name, ResolveFamily::ipv4, tell, [this](const Result<Resolved>& result) {
      told_.push_back(!result ? "failed" : result->addresses.empty() ? "none" : result->addresses[0].to_string());
    });
  }
  // Answers the lookup that is under way.
  void answer(const std::vector<std::string>& addresses, seconds ttl = seconds(60)) {
    Resolved out{{}, ttl};
    for (const auto& text : addresses) out.addresses.push_back(*IpAddress::parse(text));
    end(out);
  }
  void end(Result<Resolved> result) {
    ASSERT_EQ(asked_.size(), 1U);
    const auto done = std::exchange(asked_, {}).front().second;
    done(std::move(result));
  }
  // Whether it is looked up `after` from now, and not a moment before.
  bool asks_after(Duration after) {
    now_ += after - milliseconds(1);
    names_.look_up_due();
    const bool early = !asked_.empty();
    now_ += milliseconds(1);
    names_.look_up_due();
    return !early && asked_.size() == 1;
  }

  Loop loop_{kOneThread};
  TimePoint now_{seconds(1000)};
  NameFollower names_{loop_, {.jitter = 0}, [this] { return now_; }};
  std::vector<std::pair<std::string, Resolver::Callback>> asked_;
  std::vector<std::string> told_;
  using Told = std::vector<std::string>;
};

TEST_F(NameFollowerTest, LooksUpAtOnceAndThenByTtl) {
  const auto held = follow("a.example");
  answer({"192.0.2.1"}, seconds(60));
  EXPECT_TRUE(asks_after(seconds(60)));
  answer({"192.0.2.1"}, seconds(0));
  EXPECT_TRUE(asks_after(seconds(1)));
  answer({"192.0.2.2"}, std::chrono::hours(1));
  EXPECT_TRUE(asks_after(std::chrono::minutes(5)));
  answer({});
  EXPECT_TRUE(asks_after(seconds(10)));
  EXPECT_EQ(told_, (Told{"192.0.2.1", "192.0.2.2", "none"}));
  EXPECT_EQ(held.lookups(), 5U);
}

TEST_F(NameFollowerTest, BacksOffAndTellsOfARowOfFailuresOnce) {
  const auto held = follow("a.example");
  answer({"192.0.2.1"});
  EXPECT_TRUE(asks_after(seconds(60)));
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    end(fail("SERVFAIL"));
    EXPECT_TRUE(asks_after(seconds(wait)));
  }
  answer({"192.0.2.1"});
  EXPECT_EQ(told_, (Told{"192.0.2.1", "failed", "192.0.2.1"}));
  EXPECT_EQ(held.failures(), 7U);
}

TEST_F(NameFollowerTest, TellsEverythingToWhoWantsIt) {
  const auto held = follow("a.example", Tell::everything);
  answer({"192.0.2.1"});
  EXPECT_TRUE(asks_after(seconds(60)));
  answer({"192.0.2.1"});
  EXPECT_TRUE(asks_after(seconds(60)));
  end(fail("SERVFAIL"));
  EXPECT_TRUE(asks_after(seconds(1)));
  end(fail("SERVFAIL"));
  EXPECT_EQ(told_, (Told{"192.0.2.1", "192.0.2.1", "failed", "failed"}));
}

TEST_F(NameFollowerTest, WhoLetsGoIsNotAskedForAgain) {
  {
    const auto held = follow("a.example");
    answer({"192.0.2.1"});
  }
  now_ += std::chrono::hours(1);
  names_.look_up_due();
  EXPECT_TRUE(asked_.empty());
}

// Another resolver is asked at once, and what the one before says late does not count.
TEST_F(NameFollowerTest, AnotherResolverBeginsAnew) {
  const auto held = follow("a.example");
  const auto late = asked_.front().second;
  use();
  late(Resolved{{*IpAddress::parse("192.0.2.9")}, seconds(60)});
  answer({"192.0.2.1"});
  use();
  answer({"192.0.2.1"});
  EXPECT_EQ(told_, Told{"192.0.2.1"});
}

TEST_F(NameFollowerTest, ManyWaitForTheirTurn) {
  std::vector<NameFollower::Follow> held;
  for (std::size_t i = 0; i < 3 * NameFollower::kMostAsked; ++i) held.push_back(follow("n" + std::to_string(i)));
  std::map<std::string, int> lookups;
  while (!asked_.empty()) {
    EXPECT_LE(asked_.size(), NameFollower::kMostAsked);
    const auto [name, done] = asked_.back();
    asked_.pop_back();
    ++lookups[name];
    done(Resolved{{*IpAddress::parse("192.0.2.1")}, seconds(60)});
  }
  EXPECT_EQ(lookups.size(), held.size());
  EXPECT_EQ(told_.size(), held.size());
}

TEST_F(NameFollowerTest, ServicesAreFollowedLikewise) {
  std::vector<Resolver::SrvCallback> asked;
  names_.use({[](const std::string&, ResolveFamily, const Resolver::Callback&) {},
              [&](const std::string& name, Resolver::SrvCallback done) {
                EXPECT_EQ(name, "_http._tcp.example");
                asked.push_back(std::move(done));
              }});
  const auto held = names_.follow_services(
      "_http._tcp.example", Tell::changes,
      [this](const Result<SrvAnswer>& result) { told_.push_back(result ? result->records.at(0).target : "failed"); });
  const auto answers = [&](const Result<SrvAnswer>& result, Duration then) {
    ASSERT_EQ(asked.size(), 1U);
    std::exchange(asked, {}).front()(result);
    now_ += then - milliseconds(1);
    names_.look_up_due();
    EXPECT_TRUE(asked.empty()) << "too early";
    now_ += milliseconds(1);
    names_.look_up_due();
  };
  const auto naming = [](const char* target) { return SrvAnswer{{{0, 0, 80, target}}, seconds(20)}; };
  answers(naming("a.example"), seconds(20));
  answers(naming("a.example"), seconds(20));
  answers(naming("b.example"), seconds(20));
  answers(fail("SERVFAIL"), seconds(1));
  answers(fail("SERVFAIL"), seconds(2));
  answers(naming("b.example"), seconds(20));
  EXPECT_EQ(told_, (Told{"a.example", "b.example", "failed", "b.example"}));
  EXPECT_EQ(held.lookups(), 7U);
  EXPECT_EQ(held.failures(), 2U);
}

// By the loop's own timer: what is due soon is asked for although something else was waited for, and nothing turns.
TEST(NameFollowerTimer, AsksWhenTheFirstIsDue) {
  Loop loop(kOneThread);
  NameFollower names(loop, {.min_ttl = milliseconds(10)});
  test::FakeLookups lookups(names);
  const auto follow = [&](const char* name) {
    return names.follow(name, ResolveFamily::ipv4, Tell::changes, [](const Result<Resolved>&) {});
  };
  const auto asked = [&](const char* name) { return lookups.asked.contains({name, ResolveFamily::ipv4}); };
  const auto far = follow("far.example");
  ASSERT_TRUE(lookups.answer("far.example", ResolveFamily::ipv4, {"192.0.2.1"}, seconds(200)));
  const auto near = follow("near.example");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(test::run_until(loop, [&] { return asked("near.example"); }));
    ASSERT_TRUE(lookups.answer("near.example", ResolveFamily::ipv4, {"192.0.2.1"}, seconds(i < 2 ? 0 : 200)));
  }
  const auto end = Clock::now() + milliseconds(100);
  int turns = 0;
  loop.restart();
  while (Clock::now() < end) turns += static_cast<int>(loop.run_one_until(end));
  EXPECT_LT(turns, 20);
  EXPECT_FALSE(asked("far.example"));
}

}  // namespace
}  // namespace shared::name_follower_test
