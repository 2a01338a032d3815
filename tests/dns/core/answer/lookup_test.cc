#include "dns/core/answer/lookup.h"

#include <gtest/gtest.h>

#include <array>

#include "dns/core/zone/zone.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::lookup_test {
namespace {

using test::Asked;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

using test::Bytes;

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

[[nodiscard]] Snapshot large_world() {
  test::ZoneText text = test::example_zone();
  for (int i = 0; i < 20'000; ++i) text.lines.push_back("n" + std::to_string(i) + ".example.com. 60 A 192.0.2.1");
  Snapshot snapshot = test::example_world();
  snapshot.zones = std::make_shared<ZoneSet>(std::vector{test::zone_of(text)});
  return snapshot;
}

[[nodiscard]] std::vector<Bytes> mixed_queries() {
  std::vector<Bytes> packets = {Bytes(11), query("example.com", RrType::soa).build(), query("elsewhere.test").build()};
  for (const char* name :
       {"alias.example.com", "www.example.com", "x.geo.example.com", "flat.example.com", "mixed.example.com",
        "four.example.com", "n17.example.com", "n19999.example.com", "no.such.example.com", "example.com"}) {
    packets.push_back(query(name).build());
    packets.push_back(query(name).subnet("198.51.100.0/24").build());
    packets.push_back(query(name).subnet("2001:db8:ec::/48").build());
  }
  return packets;
}

void expect_batch_like_singles(const Snapshot& snapshot) {
  const std::vector<Bytes> packets = mixed_queries();
  std::vector<Query> queries;
  for (const Bytes& packet : packets) queries.push_back(parse_query(packet));
  const std::vector<shared::IpAddress> clients(packets.size(), shared::IpAddress::v4(0xC0000207));
  std::vector<Found> found(packets.size());
  look_up(snapshot, queries, clients, found);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const test::Asker asker{.client = clients[i]};
    std::array<std::uint8_t, 1232> in_batch{};
    std::array<std::uint8_t, 1232> alone{};
    NullTrace trace;
    const AnswerInfo info = answer(snapshot, test::request_of(queries[i], found[i], asker), in_batch, trace);
    EXPECT_EQ(info.length, test::answer_packet(snapshot, packets[i], asker, alone, trace).length) << i;
    EXPECT_EQ(in_batch, alone) << i;
    EXPECT_EQ(info.length == 0, i == 0);
  }
}

TEST(Lookup, DsAtTheApexOfAChildGoesToAParentThatIsOursToo) {
  test::ZoneText child;
  child.apex = "sub.example.com";
  child.lines = {"@ 60 SOA ns h 1 2 3 4 5", "@ 60 NS ns", "ns 60 A 192.0.2.54"};
  Snapshot snapshot;
  snapshot.zones = std::make_shared<ZoneSet>(std::vector<std::shared_ptr<const Zone>>{
      test::zone_of(child), test::zone_of(test::other_zone()), world().zones->zones()[0]});
  EXPECT_EQ(test::exchange(snapshot, query("sub.example.com", RrType::ds)).reply.answer.size(), 1U);
  EXPECT_EQ(test::exchange(snapshot, query("sub.example.com", RrType::ns)).reply.answer,
            Lines{"sub.example.com. 60 IN NS ns.sub.example.com."});
  EXPECT_EQ(test::exchange(snapshot, query("example.net", RrType::ds)).info.kind, AnswerKind::nodata);
}

// Long enough for the step that only large zones need, with names that share a slot's line with others.
TEST(Lookup, BatchesAnswerAsSingleQueriesDo) {
  expect_batch_like_singles(world());
  const Snapshot large = large_world();
  EXPECT_TRUE(large.zones->zones().front()->is_large());
  expect_batch_like_singles(large);
}

// Glue and wildcards have addresses as names of their own have; what is only a cut, an alias or nothing has none.
TEST(Lookup, FindsTheNodeThatHasTheAddresses) {
  const auto find = [](const char* text) {
    HashedName name;
    EXPECT_GT(name.assign(test::wire_name(text)), 0U);
    return find_address_node(*world().zones, name);
  };
  const auto has_address = [&](const char* text) {
    const AddressNode found = find(text);
    return found.node && found.node.find(RrType::a).count > 0;
  };
  EXPECT_TRUE(has_address("mail.example.com"));
  EXPECT_TRUE(has_address("ns.sub.example.com")) << "glue";
  EXPECT_FALSE(find("absent.sub.example.com").node) << "below a cut";
  EXPECT_FALSE(find("no.such.example.com").node);
  EXPECT_NE(find("no.such.example.com").zone, nullptr);
  EXPECT_TRUE(find("x.geo.example.com").node.has(Node::kPolicy)) << "a wildcard";
  EXPECT_EQ(find("www.example.org").zone, nullptr) << "not ours";
}

}  // namespace
}  // namespace dns::lookup_test
