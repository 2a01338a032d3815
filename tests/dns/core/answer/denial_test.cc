#include "dns/core/answer/denial.h"

#include <gtest/gtest.h>

#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::denial_test {
namespace {

using test::Asked;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

constexpr const char* kSoa =
    "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 2026112201 7200 3600 1209600 300";

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

TEST(Denial, SaysWhatIsMissingAndForHowLong) {
  const Asked name = test::exchange(world(), query("no.such.example.com"));
  EXPECT_EQ(name.info.kind, AnswerKind::nxdomain);
  EXPECT_EQ(name.info.rcode, Rcode::nxdomain);
  EXPECT_EQ(name.reply.authority, Lines{kSoa});
  const Asked type = test::exchange(world(), query("mail.example.com", RrType::txt));
  EXPECT_EQ(type.info.kind, AnswerKind::nodata);
  EXPECT_EQ(type.info.rcode, Rcode::noerror);
  EXPECT_EQ(type.reply.authority, Lines{kSoa});
}

TEST(Denial, IsTheSameForEveryClient) {
  const Asked asked = test::exchange(world(), query("no.such.example.com").subnet("198.51.100.0/24"));
  ASSERT_TRUE(asked.reply.option(8));
  EXPECT_EQ(asked.scope, 0U);
}

// The SOA must come along (RFC 2308 section 2.2), so that one without it is no whole answer.
TEST(Denial, WithoutRoomForTheSoaIsTruncated) {
  const std::string deep =
      std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + ".example.com";
  test::ZoneText text;
  text.lines = {"@ 60 SOA " + std::string(63, 'm') + "." + std::string(63, 'n') + "." + std::string(63, 'o') +
                    ".org. " + std::string(63, 'p') + "." + std::string(63, 'q') + "." + std::string(63, 'r') +
                    ".org. 1 2 3 4 5",
                "@ 60 NS ns.example.org."};
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{test::zone_of(text)});
  const Asked asked = test::exchange(snapshot, query(deep));
  EXPECT_TRUE(asked.reply.sound && asked.reply.tc());
  EXPECT_EQ(asked.info.rcode, Rcode::nxdomain);
  EXPECT_TRUE(asked.reply.authority.empty());
  EXPECT_FALSE(test::exchange(snapshot, query(deep).with_edns()).reply.tc());
}

}  // namespace
}  // namespace dns::denial_test
