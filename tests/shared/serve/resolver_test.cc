#include "shared/serve/resolver.h"

#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/ip/udp.hpp>

#include "tests/shared/serve/run_until.h"

namespace shared {
namespace {

using test::run_for;
using test::run_until;

// A DNS server of one zone on the test's own loop: A and AAAA by name, or an error code, or silence.
class TestDns {
 public:
  struct Answer {
    std::vector<std::string> addresses;
    std::uint32_t ttl = 60;
    std::uint8_t rcode = 0;
    bool silent = false;
    std::string srv{};  // data of one SRV record, for questions of that type
  };

  explicit TestDns(Loop& loop) : socket_(loop, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)) { read(); }

  [[nodiscard]] Endpoint endpoint() const { return {IpAddress::v4(0x7F000001), socket_.local_endpoint().port()}; }

  std::function<Answer(const std::string& name)> script;
  std::vector<std::string> asked;

 private:
  using Socket = asio::basic_datagram_socket<asio::ip::udp, LoopExecutor>;

  void read() {
    socket_.async_receive_from(asio::buffer(in_), peer_, [this](error_code error, std::size_t n) {
      if (error) return;
      answer(std::string(in_.data(), n));
      read();
    });
  }

  void answer(const std::string& query) {
    std::string name;
    std::size_t at = 12;
    while (query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += length + 1;
    }
    const char type = query[at + 2];  // 1: A, 28: AAAA
    asked.push_back(name);
    const Answer what = script(name);
    if (what.silent) return;
    std::string records;
    char count = 0;
    const auto add_ttl = [&] {
      for (int shift = 24; shift >= 0; shift -= 8) records += static_cast<char>(what.ttl >> shift);
    };
    if (type == 33 && !what.srv.empty()) {
      records += std::string("\xC0\x0C\x00\x21\x00\x01", 6);
      add_ttl();
      records += '\0';
      records += static_cast<char>(what.srv.size());
      records += what.srv;
      ++count;
    }
    for (const std::string& text : what.addresses) {
      const IpAddress address = *IpAddress::parse(text);
      if ((address.family == Family::ipv4) != (type == 1)) continue;
      records += std::string("\xC0\x0C\x00", 3) + type + std::string("\x00\x01", 2);
      add_ttl();
      const std::size_t size = bits_of(address.family) / 8;
      records += '\0';
      records += static_cast<char>(size);
      records.append(reinterpret_cast<const char*>(address.bytes.data()), size);
      ++count;
    }
    std::string reply = query.substr(0, 2) + '\x84' + static_cast<char>(what.rcode) + std::string("\0\1\0", 3) + count +
                        std::string(4, '\0') + query.substr(12, at + 5 - 12) + records;
    socket_.send_to(asio::buffer(reply), peer_);
  }

  Socket socket_;
  std::array<char, 1500> in_{};
  asio::ip::udp::endpoint peer_;
};

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    dns_.script = [this](const std::string&) { return answer_; };
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
  answer_ = {.addresses = {}, .ttl = 0, .srv = std::string("\0\1\0\2\x1F\x90\1a\7example\0", 17)};
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
  answer_ = {.addresses = {}, .ttl = 0, .srv = std::string("\0\1\0\0\0\0\0", 7)};
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
