#include "shared/serve/resolve/resolver.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_dns.h"

namespace shared {
namespace {

using test::run_for;
using test::run_until;
using test::TestDns;

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    dns_.script = [this](const TestDns::Question&) { return answer_; };
    start(seconds(20));  // that a slow machine does not turn into a failure
  }

  void start(Duration timeout) {
    ResolverSettings settings;
    settings.servers = {dns_.endpoint()};
    settings.timeout = timeout;
    settings.tries = 1;
    settings.ndots = 1;
    settings.min_ttl = milliseconds(20);
    settings.retry_first = milliseconds(10);
    settings.retry_max = milliseconds(40);
    auto made = Resolver::make(loop_, settings);
    EXPECT_TRUE(made) << made.error().message;
    resolver_ = std::move(*made);
  }

  Result<Resolved> resolve(const std::string& name, ResolveFamily family = ResolveFamily::any) {
    std::optional<Result<Resolved>> out;
    resolver_->resolve(name, family, [&](Result<Resolved> result) { out = std::move(result); });
    EXPECT_FALSE(out.has_value()) << "the callback came from inside the call";
    EXPECT_TRUE(run_until(loop_, [&] { return out.has_value(); }));
    return out ? std::move(*out) : fail("nothing came");
  }

  static std::vector<IpAddress> addresses(std::initializer_list<const char*> texts) {
    std::vector<IpAddress> out;
    for (const char* text : texts) out.push_back(*IpAddress::parse(text));
    return out;
  }

  Loop loop_{kOneThread};
  TestDns dns_{loop_};
  TestDns::Answer answer_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, AddressesComeSortedWithTheirTtl) {
  answer_ = {.addresses = {"192.0.2.9", "192.0.2.1", "2001:db8::1", "192.0.2.9"}, .ttl = 90};
  const auto result = resolve("checkout.internal.example");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses, addresses({"192.0.2.1", "192.0.2.9", "2001:db8::1"}));
  EXPECT_EQ(result->ttl, seconds(90));
}

TEST_F(ResolverTest, FamilyIsObeyed) {
  answer_ = {.addresses = {"192.0.2.1", "2001:db8::1"}};
  EXPECT_EQ(resolve("a.example", ResolveFamily::ipv4)->addresses, addresses({"192.0.2.1"}));
  EXPECT_EQ(resolve("a.example", ResolveFamily::ipv6)->addresses, addresses({"2001:db8::1"}));
}

TEST_F(ResolverTest, LiteralsAreNotAsked) {
  EXPECT_EQ(resolve("192.0.2.7")->addresses, addresses({"192.0.2.7"}));
  EXPECT_EQ(resolve("2001:db8::7", ResolveFamily::ipv6)->addresses, addresses({"2001:db8::7"}));
  EXPECT_FALSE(resolve("192.0.2.7", ResolveFamily::ipv6));
  EXPECT_TRUE(dns_.asked.empty());
}

TEST_F(ResolverTest, HostsFileCounts) {
  const auto result = resolve("localhost", ResolveFamily::ipv4);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses, addresses({"127.0.0.1"}));
  EXPECT_TRUE(dns_.asked.empty());
}

// What is asked about must exist: an absent type is an answer then, an absent name is not.
TEST_F(ResolverTest, AnEmptyAnswerCanBeAnAnswer) {
  ResolverSettings settings;
  settings.servers = {dns_.endpoint()};
  settings.timeout = seconds(20);
  settings.tries = 1;
  settings.empty_is_answer = true;
  resolver_ = std::move(*Resolver::make(loop_, settings));
  answer_ = {.addresses = {"192.0.2.1"}};
  EXPECT_EQ(resolve("a.example.", ResolveFamily::ipv4)->addresses, addresses({"192.0.2.1"}));
  const auto empty = resolve("a.example.", ResolveFamily::ipv6);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_TRUE(empty->addresses.empty());
  answer_ = {.addresses = {}, .rcode = 3};
  EXPECT_FALSE(resolve("nowhere.example.", ResolveFamily::ipv4));
  answer_ = {.addresses = {}, .rcode = 2};
  EXPECT_FALSE(resolve("broken.example.", ResolveFamily::ipv4));
}

TEST_F(ResolverTest, FailuresNameTheName) {
  answer_ = {.addresses = {}, .rcode = 3};
  EXPECT_EQ(resolve("nowhere.example").error().message, "cannot resolve nowhere.example: Domain name not found");
  answer_ = {.addresses = {}};
  EXPECT_FALSE(resolve("empty.example"));
  start(milliseconds(50));
  answer_ = {.addresses = {}, .silent = true};
  EXPECT_EQ(resolve("silent.example").error().message,
            "cannot resolve silent.example: Timeout while contacting DNS servers");
}

TEST_F(ResolverTest, ManyAtOnce) {
  answer_ = {.addresses = {"192.0.2.1"}};
  int done = 0;
  for (int i = 0; i < 200; ++i) {
    resolver_->resolve("host" + std::to_string(i) + ".example", ResolveFamily::ipv4, [&](const Result<Resolved>& r) {
      EXPECT_TRUE(r) << r.error().message;
      ++done;
    });
  }
  EXPECT_TRUE(run_until(loop_, [&] { return done == 200; }));
}

TEST_F(ResolverTest, WatchTellsOfChangesOnly) {
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 0};
  std::vector<std::vector<IpAddress>> seen;
  const auto watch = resolver_->watch("a.example", ResolveFamily::ipv4, [&](const Result<Resolved>& result) {
    ASSERT_TRUE(result);
    seen.push_back(result->addresses);
  });
  ASSERT_TRUE(run_until(loop_, [&] { return dns_.asked.size() >= 4; }));
  EXPECT_EQ(seen.size(), 1U);
  answer_.addresses = {"192.0.2.2"};
  ASSERT_TRUE(run_until(loop_, [&] { return seen.size() == 2; }));
  EXPECT_EQ(seen.back(), addresses({"192.0.2.2"}));
}

TEST_F(ResolverTest, WatchKeepsTheLastGoodAnswerThroughFailures) {
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 0};
  int answers = 0;
  int failures = 0;
  const auto watch = resolver_->watch("a.example", ResolveFamily::ipv4,
                                      [&](const Result<Resolved>& result) { ++(result ? answers : failures); });
  ASSERT_TRUE(run_until(loop_, [&] { return answers == 1; }));
  answer_ = {.addresses = {}, .rcode = 2};
  const std::size_t before = dns_.asked.size();
  ASSERT_TRUE(run_until(loop_, [&] { return dns_.asked.size() >= before + 4; }));
  EXPECT_EQ(failures, 1);  // the first of the row
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 0};
  const std::size_t failed = dns_.asked.size();
  ASSERT_TRUE(run_until(loop_, [&] { return dns_.asked.size() >= failed + 4; }));
  EXPECT_EQ(answers, 2);  // the failures are over; what is the same after that is no news
  EXPECT_GE(watch.failures(), 4U);
}

TEST_F(ResolverTest, WatchOfANameThatComesUpLater) {
  answer_ = {.addresses = {}, .rcode = 3};
  std::vector<bool> seen;
  const auto watch = resolver_->watch("late.example", ResolveFamily::ipv4,
                                      [&](const Result<Resolved>& result) { seen.push_back(result.has_value()); });
  ASSERT_TRUE(run_until(loop_, [&] { return seen.size() == 1; }));
  answer_ = {.addresses = {"192.0.2.1"}};
  ASSERT_TRUE(run_until(loop_, [&] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (std::vector<bool>{false, true}));
}

TEST_F(ResolverTest, ServicesAreWatchedToo) {
  answer_ = {.addresses = {}, .ttl = 0, .services = {{1, 2, 8080, "a.example"}}};
  std::vector<Result<SrvAnswer>> seen;
  const auto watch =
      resolver_->watch_srv("_http._tcp.example", [&](const Result<SrvAnswer>& result) { seen.push_back(result); });
  ASSERT_TRUE(run_until(loop_, [&] { return dns_.asked.size() >= 3; }));
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_TRUE(seen[0]) << seen[0].error().message;
  EXPECT_EQ(seen[0]->records, (std::vector<SrvRecord>{{1, 2, 8080, "a.example"}}));
  answer_ = {.addresses = {}, .rcode = 3};
  ASSERT_TRUE(run_until(loop_, [&] { return seen.size() == 2; }));
  EXPECT_EQ(seen[1].error().message, "cannot resolve _http._tcp.example: Domain name not found");
  answer_ = {.addresses = {}, .ttl = 0, .services = {{1, 0, 0, ""}}};
  ASSERT_TRUE(run_until(loop_, [&] { return watch.failures() >= 3; }));
  EXPECT_EQ(seen.size(), 2U);  // "not offered" goes on with the row of failures
}

TEST_F(ResolverTest, WatchEndsWithItsHandle) {
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 0};
  int calls = 0;
  {
    const auto watch = resolver_->watch("a.example", ResolveFamily::ipv4, [&](const Result<Resolved>&) { ++calls; });
    ASSERT_TRUE(run_until(loop_, [&] { return calls == 1; }));
  }
  const std::size_t before = dns_.asked.size();
  run_for(loop_, milliseconds(100));
  EXPECT_EQ(dns_.asked.size(), before);
}

TEST_F(ResolverTest, NothingComesAfterItIsGone) {
  answer_ = {.addresses = {}, .silent = true};
  resolver_->resolve("a.example", ResolveFamily::any, [](const Result<Resolved>&) { FAIL(); });
  resolver_->resolve("192.0.2.1", ResolveFamily::any, [](const Result<Resolved>&) { FAIL(); });
  resolver_.reset();
  run_for(loop_, milliseconds(100));
}

}  // namespace
}  // namespace shared
