#include "edge/serve/control/discovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_dns.h"

namespace edge::discovery_test {
namespace {

using shared::test::run_until;
using shared::test::TestDns;

const ServerSource kName{ServerSource::Kind::dns, "backend.example", 8080};
const ServerSource kService{ServerSource::Kind::srv, "_http._tcp.example", 0};

// A zone that a test changes at will.
class DiscoveryTest : public ::testing::Test {
 protected:
  DiscoveryTest() {
    dns_.script = [this](const TestDns::Question& question) {
      if (const auto by_type = zone_.find(question.name + "/" + std::to_string(question.type));
          by_type != zone_.end()) {
        return by_type->second;
      }
      const auto found = zone_.find(question.name);
      return found != zone_.end() ? found->second : TestDns::Answer{.addresses = {}, .rcode = 3};
    };
    use();
  }

  void use() {
    shared::ResolverSettings settings;
    settings.servers = {dns_.endpoint()};
    settings.timeout = shared::seconds(20);  // that a slow machine does not turn into a failure
    settings.tries = 1;
    settings.ndots = 1;
    ASSERT_TRUE(names_.use(settings));
  }

  static TestDns::Answer at(std::vector<std::string> addresses) {
    return {.addresses = std::move(addresses), .ttl = 0};
  }
  static TestDns::Answer services(std::vector<shared::SrvRecord> records) {
    return {.addresses = {}, .ttl = 0, .services = std::move(records)};
  }
  static TestDns::Answer broken() { return {.addresses = {}, .rcode = 2}; }

  [[nodiscard]] std::vector<std::string> hosts(const ServerSource& source) const {
    std::vector<std::string> out;
    const auto found = discovery_.found().find(source);
    if (found == discovery_.found().end()) return out;
    for (const FoundServer& one : found->second) {
      out.push_back(one.host + ":" + std::to_string(one.port));
    }
    return out;
  }
  using Hosts = std::vector<std::string>;
  [[nodiscard]] bool until(const ServerSource& source, const Hosts& wanted) {
    return run_until(loop_, [&] { return hosts(source) == wanted; });
  }
  // Lets every name be asked a few times more.
  [[nodiscard]] bool ask_on() {
    const std::size_t before = dns_.asked.size();
    return run_until(loop_, [&] { return dns_.asked.size() >= before + 12; });
  }

  shared::Loop loop_{shared::kOneThread};
  TestDns dns_{loop_};
  std::map<std::string, TestDns::Answer> zone_;  // by "name" or "name/type"
  int changes_ = 0;
  shared::NameFollower names_{loop_,
                              {.min_ttl = shared::milliseconds(20),
                               .empty_ttl = shared::milliseconds(20),
                               .retry_first = shared::milliseconds(10),
                               .retry_max = shared::milliseconds(40)}};
  Discovery discovery_{loop_, names_, [this] { ++changes_; }};
};

TEST_F(DiscoveryTest, OneServerForEachAddressAndItFollows) {
  zone_["backend.example"] = at({"10.0.0.2", "10.0.0.1", "2001:db8::1"});
  discovery_.set({kName});
  EXPECT_FALSE(discovery_.standing(kName).answered);
  ASSERT_TRUE(until(kName, {"10.0.0.1:8080", "10.0.0.2:8080", "2001:db8::1:8080"}));
  shared::test::run_for(loop_, shared::milliseconds(100));  // it is told of
  const int before = changes_;
  ASSERT_TRUE(ask_on());
  shared::test::run_for(loop_, shared::milliseconds(100));
  EXPECT_EQ(changes_, before);  // the same again is no news
  zone_["backend.example"] = at({"10.0.0.2", "10.0.0.3"});
  ASSERT_TRUE(until(kName, {"10.0.0.2:8080", "10.0.0.3:8080"}));
  EXPECT_TRUE(discovery_.standing(kName).answered);
  EXPECT_EQ(discovery_.standing(kName).servers, 2U);
}

TEST_F(DiscoveryTest, ThatItFailsAndThatItHasRecoveredIsToldOnce) {
  const shared::LogCapture log;
  const auto count = [&](std::string_view event) {
    return std::ranges::count_if(log.lines(),
                                 [&](const std::string& line) { return line.find(event) != std::string::npos; });
  };
  zone_["backend.example"] = at({"10.0.0.1", "10.0.0.2"});
  discovery_.set({kName});
  ASSERT_TRUE(until(kName, {"10.0.0.1:8080", "10.0.0.2:8080"}));
  ASSERT_TRUE(ask_on());
  EXPECT_EQ(count("event=discovery_failing") + count("event=discovery_recovered"), 0);
  zone_["backend.example"] = broken();
  ASSERT_TRUE(run_until(loop_, [&] { return count("event=discovery_failing") > 0; }));
  ASSERT_TRUE(ask_on());
  EXPECT_EQ(count("event=discovery_failing"), 1);
  EXPECT_EQ(count("event=discovery_failing source=backend.example:8080 servers_kept=2 reason="), 1);
  zone_["backend.example"] = at({"10.0.0.3"});
  ASSERT_TRUE(run_until(loop_, [&] { return count("event=discovery_recovered") > 0; }));
  ASSERT_TRUE(ask_on());
  EXPECT_EQ(count("event=discovery_recovered source=backend.example:8080 servers="), 1);
  EXPECT_EQ(count("event=discovery_failing"), 1);
}

TEST_F(DiscoveryTest, NoFailureTakesServersAway) {
  zone_["backend.example"] = at({"10.0.0.1", "10.0.0.2"});
  discovery_.set({kName});
  const Hosts both{"10.0.0.1:8080", "10.0.0.2:8080"};
  ASSERT_TRUE(until(kName, both));
  for (const TestDns::Answer& bad : {broken(), TestDns::Answer{.addresses = {}, .rcode = 3}, at({})}) {
    zone_["backend.example"] = bad;
    ASSERT_TRUE(run_until(loop_, [&] { return !discovery_.standing(kName).reason.empty(); }));
    ASSERT_TRUE(ask_on());
    EXPECT_EQ(hosts(kName), both) << discovery_.standing(kName).reason;
    zone_["backend.example"] = at({"10.0.0.1", "10.0.0.2"});
    ASSERT_TRUE(run_until(loop_, [&] { return discovery_.standing(kName).reason.empty(); }));
  }
  EXPECT_GT(discovery_.standing(kName).failures, 0U);
}

// AAAA does not answer any more: what it said holds, and A goes on.
TEST_F(DiscoveryTest, HalfAnAnswerIsNotHalfTheServers) {
  zone_["backend.example"] = at({"10.0.0.1", "2001:db8::1"});
  discovery_.set({kName});
  ASSERT_TRUE(until(kName, {"10.0.0.1:8080", "2001:db8::1:8080"}));
  zone_["backend.example/28"] = broken();
  ASSERT_TRUE(run_until(loop_, [&] { return !discovery_.standing(kName).reason.empty(); }));
  zone_["backend.example"] = at({"10.0.0.7"});
  ASSERT_TRUE(until(kName, {"10.0.0.7:8080", "2001:db8::1:8080"}));
  zone_["backend.example/28"] = at({});
  ASSERT_TRUE(until(kName, {"10.0.0.7:8080"}));
}

// A server that answers AAAA with an error for ever, as some do: nobody misses what was never there.
TEST_F(DiscoveryTest, AFamilyThatNeverWasIsNoFailure) {
  zone_["backend.example"] = at({"10.0.0.1"});
  zone_["backend.example/28"] = broken();
  discovery_.set({kName});
  ASSERT_TRUE(until(kName, {"10.0.0.1:8080"}));
  ASSERT_TRUE(ask_on());
  EXPECT_EQ(discovery_.standing(kName).reason, "");
}

TEST_F(DiscoveryTest, OneServerForEachRecordWithItsPortAndWeight) {
  zone_["_http._tcp.example"] =
      services({{20, 0, 80, "spare.example"}, {10, 3, 8080, "a.example"}, {10, 1, 8081, "a.example"}});
  zone_["a.example"] = at({"10.0.0.1", "10.0.0.2"});
  zone_["spare.example"] = at({"10.0.0.9"});
  discovery_.set({kService});
  ASSERT_TRUE(until(kService, {"a.example:8081", "a.example:8080", "spare.example:80"}));
  const auto& found = discovery_.found().at(kService);
  EXPECT_EQ(found[1].weight, 3);
  EXPECT_EQ(found[1].priority, 10);
  EXPECT_EQ(found[1].addresses.size(), 2U);
  EXPECT_EQ(found[2].priority, 20);
}

// The new target's address is late: until it is there, the old servers stay. One without an address is left out.
TEST_F(DiscoveryTest, ANewSetIsTakenWhenItCanBeReached) {
  zone_["_http._tcp.example"] = services({{0, 0, 80, "old.example"}});
  zone_["old.example"] = at({"10.0.0.1"});
  discovery_.set({kService});
  ASSERT_TRUE(until(kService, {"old.example:80"}));
  zone_["new.example"] = {.addresses = {}, .silent = true};
  zone_["_http._tcp.example"] = services({{0, 0, 80, "new.example"}, {0, 0, 80, "nowhere.example"}});
  ASSERT_TRUE(run_until(loop_, [&] { return !dns_.asked.empty() && dns_.asked.back() == "nowhere.example"; }));
  EXPECT_EQ(hosts(kService), Hosts{"old.example:80"});
  zone_["new.example"] = at({"10.0.0.2"});
  use();  // asks again at once
  ASSERT_TRUE(until(kService, {"new.example:80"}));
  EXPECT_NE(discovery_.standing(kService).reason.find("nowhere.example"), std::string::npos);
}

TEST_F(DiscoveryTest, TargetsWithoutAnAddressLeaveTheServersBefore) {
  zone_["_http._tcp.example"] = services({{0, 0, 80, "old.example"}});
  zone_["old.example"] = at({"10.0.0.1"});
  discovery_.set({kService});
  ASSERT_TRUE(until(kService, {"old.example:80"}));
  zone_["_http._tcp.example"] = services({{0, 0, 80, "nowhere.example"}});
  ASSERT_TRUE(run_until(loop_, [&] { return !discovery_.standing(kService).reason.empty(); }));
  zone_["_http._tcp.example"] = broken();
  ASSERT_TRUE(ask_on());
  EXPECT_EQ(hosts(kService), Hosts{"old.example:80"});
}

TEST_F(DiscoveryTest, ASuccessorBeginsWithWhatWasFound) {
  zone_["_http._tcp.example"] = services({{1, 2, 80, "a.example"}});
  zone_["a.example"] = at({"10.0.0.1", "2001:db8::1"});
  zone_["backend.example"] = at({"10.0.0.5"});
  discovery_.set({kName, kService});
  ASSERT_TRUE(run_until(loop_, [&] { return hosts(kName).size() == 1 && hosts(kService).size() == 1; }));
  ASSERT_TRUE(run_until(loop_, [&] { return discovery_.found().at(kService)[0].addresses.size() == 2; }));
  Discovery successor(loop_, names_, [] {});
  successor.set({kName, kService});
  successor.recall("{}\nresolved x 10.0.0.1\nfound dns other.example 1 10.0.0.1 1 1 0 10.0.0.1\nfound dns\n" +
                   discovery_.remember());
  EXPECT_EQ(successor.found(), discovery_.found());
}

// However many names are answered at once, it is told of in a few turns.
TEST_F(DiscoveryTest, ManyNamesAreToldOfTogether) {
  constexpr std::size_t kNames = 200;
  std::set<ServerSource> sources;
  for (std::size_t i = 0; i < kNames; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example";
    zone_[name] = {.addresses = {"10.0.0.1"}, .ttl = 600};
    sources.insert({ServerSource::Kind::dns, name, 8080});
  }
  const shared::TimePoint began = shared::Clock::now();
  discovery_.set(sources);
  ASSERT_TRUE(run_until(loop_, [&] { return discovery_.found().size() == kNames; }));
  const auto took = std::chrono::duration_cast<shared::milliseconds>(shared::Clock::now() - began);
  shared::test::run_for(loop_, shared::milliseconds(100));
  EXPECT_GE(changes_, 1);
  EXPECT_LE(changes_, 2 + took.count() / 20) << "one for each quiet time, at most";
  EXPECT_LT(changes_, 50);
}

// A target that two services share is followed until neither needs it.
TEST_F(DiscoveryTest, ASharedTargetGoesOnWithTheLastOfItsServices) {
  const ServerSource other{ServerSource::Kind::srv, "_api._tcp.example", 0};
  zone_[kService.name] = services({{0, 0, 80, "a.example"}});
  zone_[other.name] = services({{0, 0, 81, "a.example"}});
  zone_["a.example"] = at({"10.0.0.1"});
  discovery_.set({kService, other});
  ASSERT_TRUE(until(kService, {"a.example:80"}));
  ASSERT_TRUE(until(other, {"a.example:81"}));
  discovery_.set({other});
  zone_["a.example"] = at({"10.0.0.2"});
  const auto moved = [&] {
    return discovery_.found().at(other)[0].addresses[0] == *shared::IpAddress::parse("10.0.0.2");
  };
  EXPECT_TRUE(run_until(loop_, moved));
}

TEST_F(DiscoveryTest, WhatIsNotWantedAnyMoreIsForgotten) {
  zone_["backend.example"] = at({"10.0.0.1"});
  discovery_.set({kName});
  ASSERT_TRUE(until(kName, {"10.0.0.1:8080"}));
  discovery_.set({});
  EXPECT_TRUE(discovery_.found().empty());
}

}  // namespace
}  // namespace edge::discovery_test
