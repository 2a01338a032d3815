#include "dns/core/answer/additional.h"

#include <gtest/gtest.h>

#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::additional_test {
namespace {

using test::Asked;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

[[nodiscard]] const Snapshot& world() {
  static const Snapshot snapshot = test::example_world();
  return snapshot;
}

[[nodiscard]] QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder;
}

TEST(Additional, Referrals) {
  for (const char* name : {"sub.example.com", "ns.sub.example.com", "x.y.sub.example.com"}) {
    for (const RrType type : {RrType::a, RrType::ns, RrType::any}) {
      const Asked asked = test::exchange(world(), query(name, type));
      EXPECT_EQ(asked.info.kind, AnswerKind::referral) << name;
      EXPECT_FALSE(asked.reply.aa());
      EXPECT_EQ(asked.info.rcode, Rcode::noerror);
      EXPECT_EQ(asked.reply.answer, Lines{});
      EXPECT_EQ(asked.reply.authority,
                (Lines{"sub.example.com. 900 IN NS ns.sub.example.com.", "sub.example.com. 900 IN NS ns.other.org.",
                       "sub.example.com. 900 IN NS mail.example.com."}));
      // What lies below the cut comes first: nobody else has it.
      EXPECT_EQ(asked.reply.additional,
                (Lines{"ns.sub.example.com. 900 IN A 192.0.2.54", "ns.sub.example.com. 900 IN AAAA 2001:db8::54",
                       "mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25"}));
    }
  }
  EXPECT_EQ(test::exchange(world(), query("a.far.example.com")).reply.additional, Lines{});
}

// A resolver keeps a referral for all its clients, so a server whose addresses a policy chooses comes without them.
TEST(Additional, ReferralsAreTheSameForEveryClient) {
  test::ZoneText text = test::example_zone();
  text.lines.push_back("part 60 NS www");
  text.lines.push_back("part 60 NS mail");
  Snapshot snapshot = world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked asked = test::exchange(snapshot, query("x.part.example.com").subnet("198.51.100.0/24"));
  EXPECT_EQ(asked.info.kind, AnswerKind::referral);
  EXPECT_EQ(asked.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25"}));
  ASSERT_TRUE(asked.reply.option(8));
  EXPECT_EQ((*asked.reply.option(8))[3], 0);
}

TEST(Additional, Addresses) {
  const Asked mx = test::exchange(world(), query("example.com", RrType::mx).with_edns());
  EXPECT_EQ(mx.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25",
                   "www.example.com. 60 IN A 192.0.2.11", "www.example.com. 60 IN AAAA 2001:db8:1::11"}));
  const Asked ns = test::exchange(world(), query("example.com", RrType::ns).with_edns());
  EXPECT_EQ(ns.reply.additional,
            (Lines{"ns1.example.com. 3600 IN A 192.0.2.53", "ns1.example.com. 3600 IN AAAA 2001:db8::53",
                   "ns2.example.net. 3600 IN A 198.51.100.53"}));
  const Asked srv = test::exchange(world(), query("_sip._tcp.example.com", RrType::srv).with_edns());
  EXPECT_EQ(srv.reply.additional,
            (Lines{"mail.example.com. 300 IN A 192.0.2.25", "mail.example.com. 300 IN AAAA 2001:db8::25",
                   "four.example.com. 60 IN A 192.0.2.11"}));
  const Asked https = test::exchange(world(), query("example.com", RrType::https).with_edns());
  EXPECT_EQ(https.reply.additional,
            (Lines{"www.example.com. 60 IN A 192.0.2.11", "www.example.com. 60 IN AAAA 2001:db8:1::11"}));
  const Asked alias = test::exchange(world(), query("svc.example.com", RrType::https).with_edns());
  const Asked bindings = test::exchange(world(), query("www.example.com", RrType::https).with_edns());
  Lines expected = bindings.reply.answer;  // behind an alias its target's bindings come first
  expected.insert(expected.end(), https.reply.additional.begin(), https.reply.additional.end());
  EXPECT_EQ(alias.reply.additional, expected);
  const Asked own = test::exchange(world(), query("own.example.com", RrType::svcb).with_edns());
  EXPECT_EQ(own.reply.additional, Lines{"own.example.com. 200 IN A 192.0.2.60"});
}

TEST(Additional, AddressesFollowTheClientAndWidenTheScope) {
  const Asked asked = test::exchange(world(), query("example.com", RrType::mx).subnet("198.51.100.0/24"));
  EXPECT_EQ(asked.reply.additional[2], "www.example.com. 60 IN A 203.0.113.31");
  EXPECT_GT((*asked.reply.option(8))[3], 0);
}

}  // namespace
}  // namespace dns::additional_test
