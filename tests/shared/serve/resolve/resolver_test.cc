#include "shared/serve/resolve/resolver.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_dns.h"

namespace shared::resolver_test {
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
  const auto literal = resolve("192.0.2.7");
  EXPECT_EQ(literal->addresses, addresses({"192.0.2.7"}));
  EXPECT_EQ(literal->ttl, std::chrono::hours(24)) << "it does not change";
  EXPECT_EQ(resolve("192.0.2.7", ResolveFamily::ipv4)->addresses, addresses({"192.0.2.7"}));
  EXPECT_EQ(resolve("2001:db8::7", ResolveFamily::ipv6)->addresses, addresses({"2001:db8::7"}));
  EXPECT_EQ(resolve("192.0.2.7", ResolveFamily::ipv6)->addresses, addresses({}));
  EXPECT_TRUE(dns_.asked.empty());
}

TEST_F(ResolverTest, HostsFileCounts) {
  const auto result = resolve("localhost", ResolveFamily::ipv4);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses, addresses({"127.0.0.1"}));
  EXPECT_TRUE(dns_.asked.empty());
}

// What is asked about must exist: an absent type is an answer, an absent name is not.
TEST_F(ResolverTest, AnEmptyAnswerIsAnAnswer) {
  answer_ = {.addresses = {"192.0.2.1"}};
  EXPECT_EQ(resolve("a.example.", ResolveFamily::ipv4)->addresses, addresses({"192.0.2.1"}));
  for (const auto family : {ResolveFamily::ipv6, ResolveFamily::any}) {
    if (family == ResolveFamily::any) answer_.addresses.clear();
    const auto empty = resolve("a.example.", family);
    ASSERT_TRUE(empty) << empty.error().message;
    EXPECT_TRUE(empty->addresses.empty());
  }
  answer_ = {.addresses = {}, .rcode = 3};
  EXPECT_FALSE(resolve("nowhere.example.", ResolveFamily::ipv4));
  answer_ = {.addresses = {}, .rcode = 2};
  EXPECT_FALSE(resolve("broken.example.", ResolveFamily::ipv4));
}

// An answer holds as long as the shortest of what it is made of: here the alias on the way.
TEST_F(ResolverTest, TheTtlIsThatOfACnameToo) {
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 300, .cname = TestDns::Cname{"b.example", 7}};
  const auto result = resolve("a.example.", ResolveFamily::ipv4);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses, addresses({"192.0.2.1"}));
  EXPECT_EQ(result->ttl, seconds(7));
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 30, .cname = TestDns::Cname{"b.example", 600}};
  EXPECT_EQ(resolve("a.example.", ResolveFamily::ipv4)->ttl, seconds(30));
  answer_ = {.addresses = {"192.0.2.1"}, .ttl = 0x80000000U};
  EXPECT_EQ(resolve("a.example.", ResolveFamily::ipv4)->ttl, seconds(0)) << "RFC 2181 section 8";
}

// RFC 7766: what is cut off in a datagram is asked for again by TCP, whose socket has to be written to, too.
TEST_F(ResolverTest, AnAnswerThatFitsNoDatagramComesByTcp) {
  answer_ = {.addresses = {}, .ttl = 60};
  for (int i = 0; i < 200; ++i) answer_.addresses.push_back("192.0.2." + std::to_string(i));
  answer_.truncated = true;
  for (int times = 1; times <= 3; ++times) {
    const auto result = resolve("many.example.", ResolveFamily::ipv4);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->addresses.size(), 200U);
    EXPECT_EQ(dns_.asked_over_tcp, times);
  }
}

TEST_F(ResolverTest, FailuresNameTheName) {
  answer_ = {.addresses = {}, .rcode = 3};
  EXPECT_EQ(resolve("nowhere.example").error().message, "cannot resolve nowhere.example: Domain name not found");
  start(milliseconds(50));
  answer_ = {.addresses = {}, .silent = true};
  dns_.asked.clear();
  EXPECT_EQ(resolve("silent.example", ResolveFamily::ipv4).error().message,
            "cannot resolve silent.example: Timeout while contacting DNS servers");
  EXPECT_EQ(dns_.asked.size(), 1U) << "as often as it was told to try";
}

// A name with fewer dots than `ndots` is looked for in the search list first.
TEST_F(ResolverTest, NdotsDecidesWhereANameIsLookedForFirst) {
  ::setenv("LOCALDOMAIN", "search.example", 1);
  ::setenv("RES_OPTIONS", "ndots:3", 1);  // as /etc/resolv.conf would have it
  answer_ = {.addresses = {"192.0.2.1"}};
  const std::string searched = "a.b.search.example";
  for (const auto& [ndots, first] :
       std::vector<std::pair<std::optional<int>, std::string>>{{1, "a.b"}, {2, searched}, {std::nullopt, searched}}) {
    ResolverSettings settings;
    settings.servers = {dns_.endpoint()};
    settings.timeout = seconds(20);
    settings.ndots = ndots;
    auto made = Resolver::make(loop_, settings);
    ASSERT_TRUE(made) << made.error().message;
    resolver_ = std::move(*made);
    dns_.asked.clear();
    EXPECT_TRUE(resolve("a.b", ResolveFamily::ipv4));
    EXPECT_EQ(dns_.asked, std::vector<std::string>{first});
  }
  ::unsetenv("RES_OPTIONS");
  ::unsetenv("LOCALDOMAIN");
}

TEST_F(ResolverTest, OneOfSeveralServersIsEnough) {
  answer_ = {.addresses = {"192.0.2.1"}};
  TestDns silent(loop_);
  silent.script = [](const TestDns::Question&) { return TestDns::Answer{.addresses = {}, .silent = true}; };
  ResolverSettings settings;
  settings.servers = {silent.endpoint(), dns_.endpoint()};
  settings.timeout = milliseconds(200);
  settings.tries = 100;
  auto made = Resolver::make(loop_, settings);
  ASSERT_TRUE(made) << made.error().message;
  resolver_ = std::move(*made);
  EXPECT_EQ(resolve("a.example")->addresses, addresses({"192.0.2.1"}));
  EXPECT_FALSE(silent.asked.empty());
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

// What a socket is not waited for must not wake the loop: it would turn for as long as a server is silent.
TEST_F(ResolverTest, WaitsWithoutTurning) {
  answer_ = {.addresses = {}, .silent = true};
  resolver_->resolve("a.example", ResolveFamily::ipv4, [](const Result<Resolved>&) {});
  ASSERT_TRUE(run_until(loop_, [&] { return !dns_.asked.empty(); }));
  const auto end = Clock::now() + milliseconds(100);
  int turns = 0;
  loop_.restart();
  while (Clock::now() < end) turns += static_cast<int>(loop_.run_one_until(end));
  EXPECT_LT(turns, 20);
}

TEST_F(ResolverTest, ServicesHaveTheirRecords) {
  std::optional<Result<SrvAnswer>> out;
  const auto ask = [&] {
    out.reset();
    resolver_->resolve_srv("_http._tcp.example", [&](Result<SrvAnswer> result) { out = std::move(result); });
    return run_until(loop_, [&] { return out.has_value(); });
  };
  answer_ = {.addresses = {}, .ttl = 30, .services = {{1, 2, 8080, "a.example"}}};
  ASSERT_TRUE(ask());
  ASSERT_TRUE(*out) << out->error().message;
  EXPECT_EQ((*out)->records, (std::vector<SrvRecord>{{1, 2, 8080, "a.example"}}));
  EXPECT_EQ((*out)->ttl, seconds(30));
  answer_ = {.addresses = {}, .rcode = 3};
  ASSERT_TRUE(ask());
  EXPECT_EQ(out->error().message, "cannot resolve _http._tcp.example: Domain name not found");
  answer_ = {.addresses = {}, .ttl = 0, .services = {{1, 0, 0, ""}}};
  ASSERT_TRUE(ask());
  ASSERT_FALSE(*out);  // "not offered"
  EXPECT_TRUE(out->error().message.starts_with("cannot resolve _http._tcp.example: ")) << out->error().message;
}

TEST_F(ResolverTest, NothingComesAfterItIsGone) {
  answer_ = {.addresses = {}, .silent = true};
  resolver_->resolve("a.example", ResolveFamily::any, [](const Result<Resolved>&) { FAIL(); });
  resolver_->resolve("192.0.2.1", ResolveFamily::any, [](const Result<Resolved>&) { FAIL(); });
  resolver_.reset();
  run_for(loop_, milliseconds(100));
}

}  // namespace
}  // namespace shared::resolver_test
