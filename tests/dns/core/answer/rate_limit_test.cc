#include "dns/core/answer/rate_limit.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "dns/core/answer/answer.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::rate_limit_test {
namespace {

using test::Bytes;
using test::ParsedReply;
using test::QueryBuilder;

constexpr std::uint32_t kNow = 1'800'000'000;

const Snapshot& world() {
  static const Snapshot snapshot = [] {
    Snapshot with_cookies = test::example_world();
    with_cookies.cookies.count = 1;
    with_cookies.rate_limit = {shared::Mode::enforce, 100'000, 2};  // ten a second
    return with_cookies;
  }();
  return snapshot;
}

QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder.with_edns();
}

// A server of one worker that is asked, as dns/serve does it.
class Limiter {
 public:
  explicit Limiter(RateLimit limit = world().rate_limit) : limit_(limit) {}

  Ruling ask(const QueryBuilder& builder, const char* client = "192.0.2.200", Transport transport = Transport::udp) {
    const Bytes packet = builder.build();
    const Query query = parse_query(packet);
    const Found found = look_up(world(), query);
    const AnswerRequest request{.query = query,
                                .found = found,
                                .client = *shared::IpAddress::parse(client),
                                .transport = transport,
                                .entropy = random_(),
                                .unix_time = kNow};
    NullTrace trace;
    const AnswerInfo info = answer(world(), request, out_, trace);
    const Ruling ruling = judge(cells_, limit_, request, info, now_us_);
    if (ruling == Ruling::truncate || ruling == Ruling::bad_cookie) {
      const AnswerInfo declined = decline(world(), request, out_, ruling);
      reply_ = test::parse_reply(std::span(out_).first(declined.length));
    } else {
      reply_ = test::parse_reply(std::span(out_).first(info.length));
    }
    return ruling;
  }

  // How often each ruling came in so many questions.
  std::array<unsigned, kRulings> ask_often(const QueryBuilder& builder, unsigned times,
                                           const char* client = "192.0.2.200") {
    std::array<unsigned, kRulings> counts{};
    for (unsigned i = 0; i < times; ++i) ++counts[static_cast<std::size_t>(ask(builder, client))];
    return counts;
  }

  [[nodiscard]] const ParsedReply& reply() const { return reply_; }
  void wait(std::uint64_t us) { now_us_ += us; }

 private:
  ResponseCells cells_{11};
  RateLimit limit_;
  std::mt19937_64 random_{5};
  std::uint64_t now_us_ = 77;
  std::array<std::uint8_t, kMaxMessageSize> out_;
  ParsedReply reply_;
};

constexpr auto kPass = static_cast<std::size_t>(Ruling::pass);
constexpr auto kDrop = static_cast<std::size_t>(Ruling::drop);
constexpr auto kTruncate = static_cast<std::size_t>(Ruling::truncate);
constexpr auto kBadCookie = static_cast<std::size_t>(Ruling::bad_cookie);

TEST(RateLimit, HalfOfTheExcessIsSlipped) {
  Limiter limiter;
  const auto counts = limiter.ask_often(query("static.example.com"), 1010);
  EXPECT_EQ(counts[kPass], 10U);
  EXPECT_NEAR(counts[kTruncate], 500, 60);
  EXPECT_EQ(counts[kTruncate] + counts[kDrop], 1000U);
  EXPECT_EQ(counts[kBadCookie], 0U);
}

TEST(RateLimit, SlipNoneAndAll) {
  EXPECT_EQ(Limiter({shared::Mode::enforce, 100'000, 0}).ask_often(query("static.example.com"), 100)[kDrop], 90U);
  EXPECT_EQ(Limiter({shared::Mode::enforce, 100'000, 1}).ask_often(query("static.example.com"), 100)[kTruncate], 90U);
}

TEST(RateLimit, ASlippedReplyIsTheTruncatedQuestion) {
  Limiter limiter({shared::Mode::enforce, 100'000, 1});
  QueryBuilder builder = query("STATIC.example.com").subnet("198.51.100.0/24");
  builder.flags = kFlagRd;
  builder.edns_flags = 0x8000;
  limiter.ask_often(builder, 10);
  ASSERT_EQ(limiter.ask(builder), Ruling::truncate);
  const ParsedReply& reply = limiter.reply();
  EXPECT_TRUE(reply.sound);
  EXPECT_TRUE(reply.tc());
  EXPECT_EQ(reply.rcode(), 0U);
  EXPECT_EQ(reply.question, builder.question());
  EXPECT_TRUE(reply.answer.empty() && reply.authority.empty() && reply.additional.empty());
  EXPECT_EQ(reply.opt_ttl, 0x8000U);
  EXPECT_TRUE(reply.option(8));
  EXPECT_NE(reply.flags & kFlagRd, 0);
}

TEST(RateLimit, WhoSpeaksCookiesIsAskedForOneAndThenNotLimited) {
  Limiter limiter({shared::Mode::enforce, 100'000, 1});
  const QueryBuilder first = query("static.example.com").option(10, "0102030405060708");
  EXPECT_EQ(limiter.ask_often(first, 50)[kBadCookie], 40U);
  EXPECT_EQ(limiter.reply().rcode(), 23U);
  EXPECT_TRUE(limiter.reply().answer.empty());
  const Bytes cookie = limiter.reply().option(10).value();
  ASSERT_EQ(cookie.size(), 24U);
  const QueryBuilder second = query("static.example.com").option(10, cookie);
  EXPECT_EQ(limiter.ask_often(second, 500)[kPass], 500U);
  EXPECT_EQ(limiter.reply().option(10), cookie);
  EXPECT_NE(limiter.ask(second, "192.0.2.201"), Ruling::pass);  // stolen by a neighbour
}

TEST(RateLimit, NoCookieIsEverAskedForWithoutAFlood) {
  Limiter limiter;
  EXPECT_EQ(limiter.ask(query("static.example.com").option(10, "0102030405060708")), Ruling::pass);
  EXPECT_EQ(limiter.reply().rcode(), 0U);
  EXPECT_EQ(limiter.reply().option(10)->size(), 24U);
  const Bytes wrong(40, 1);
  EXPECT_EQ(limiter.ask(query("static.example.com").option(10, wrong)), Ruling::pass);
  EXPECT_EQ(limiter.reply().rcode(), 0U);
}

TEST(RateLimit, TcpIsNeverLimited) {
  Limiter limiter;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(limiter.ask(query("static.example.com"), "192.0.2.200", Transport::tcp), Ruling::pass);
  }
  EXPECT_EQ(limiter.ask(query("static.example.com")), Ruling::pass);  // nor counted
}

struct Alike {
  const char* what;
  QueryBuilder one;
  QueryBuilder other;
  bool alike;
};

TEST(RateLimit, WhatCountsTogether) {
  for (const Alike& c : {
           Alike{"types of a name", query("www.example.com"), query("www.example.com", RrType::aaaa), true},
           Alike{"case", query("static.example.com"), query("STATIC.example.com"), true},
           Alike{"client subnets", query("www.example.com").subnet("198.51.100.0/24"),
                 query("www.example.com").subnet("192.0.2.0/24"), true},
           Alike{"names under a wildcard", query("a.geo.example.com"), query("b.geo.example.com"), true},
           Alike{"names", query("static.example.com"), query("www.example.com"), false},
           Alike{"missing names", query("a.nothing.example.com"), query("missing.example.com"), true},
           Alike{"missing names of two zones", query("missing.example.com"), query("missing.example.net"), false},
           Alike{"a missing name and no data", query("missing.example.com"), query("example.com", RrType::srv), false},
           Alike{"a missing name and data at its zone", query("missing.example.com"), query("example.com", RrType::mx),
                 false},
           Alike{"a missing name and what is refused", query("missing.example.com"), query("a.example.org"), false},
           Alike{"types of a missing name", query("missing.example.com"), query("missing.example.com", RrType::txt),
                 true},
           Alike{"data and no data", query("static.example.com"), query("static.example.com", RrType::mx), false},
           Alike{"names below a cut", query("a.sub.example.com"), query("b.c.sub.example.com"), true},
           Alike{"foreign names", query("a.example.org"), query("b.example.edu"), true},
           Alike{"a name that fails and foreign names", query("unflat.example.com"), query("a.example.org"), true},
           Alike{"refused and data", query("a.example.org"), query("static.example.com"), false},
       }) {
    Limiter limiter;
    EXPECT_EQ(limiter.ask_often(c.one, 100)[kPass], 10U) << c.what;
    EXPECT_EQ(limiter.ask(c.other) != Ruling::pass, c.alike) << c.what;
    EXPECT_EQ(limiter.ask(c.one, "192.0.3.1"), Ruling::pass) << c.what;  // another network
    limiter.wait(ResponseCells::kBurstUs);
    EXPECT_EQ(limiter.ask(c.one), Ruling::pass) << c.what;
  }
}

TEST(RateLimit, ErrorsAreLimitedToo) {
  Limiter limiter;
  QueryBuilder malformed = query("static.example.com").option(10, "01");
  EXPECT_EQ(limiter.ask_often(malformed, 100)[kPass], 10U);
  EXPECT_NE(limiter.ask(query("a.example.org")), Ruling::pass);
}

}  // namespace
}  // namespace dns::rate_limit_test
