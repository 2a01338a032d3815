#include "dns/core/zone/zone_builder.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::zone_builder_test {
namespace {

TEST(ZoneBuilder, ManyNamesAreAllFound) {
  ZoneBuilder builder(Name::from_text("example.com").value());
  const test::Bytes apex = test::wire_name("example.com");
  const test::Bytes server = test::wire_name("ns.example.org");
  test::Bytes soa = server;
  test::append(soa, server);
  test::append(soa, test::Bytes(20));
  ASSERT_TRUE(builder.add({apex, RrType::soa, RrClass::in, 60, soa, 1}));
  ASSERT_TRUE(builder.add({apex, RrType::ns, RrClass::in, 60, server, 2}));
  constexpr unsigned kNames = 20000;
  const auto name_of = [](unsigned i) {
    return "h" + std::to_string(i) + ".x" + std::to_string(i % 7) + ".example.com";
  };
  for (unsigned i = 0; i < kNames; ++i) {
    test::Bytes address;
    test::append_u32(address, i);
    ASSERT_TRUE(builder.add({test::wire_name(name_of(i)), RrType::a, RrClass::in, 60, address, 3}));
  }
  const BuiltZone built = builder.finish();
  ASSERT_NE(built.zone, nullptr);
  EXPECT_EQ(built.zone->name_count(), kNames + 8);
  for (unsigned i = 0; i < kNames; ++i) {
    HashedName name;
    name.assign(test::wire_name(name_of(i)));
    const Rrset rrset = built.zone->find(name, 0).find(RrType::a);
    ASSERT_EQ(rrset.count, 1);
    EXPECT_EQ(load_u32(&rrset.wire[12]), i);
  }
}

// Octets 0 and 1 and long common beginnings: where a shortcut of the sort would show.
TEST(ZoneBuilder, SortsAwkwardLabels) {
  ZoneBuilder builder{Name()};
  const std::vector<test::Bytes> names = {
      {0},
      {1, 0, 0},
      {1, 'a', 1, 0, 0},
      {2, 0, 0, 0},
      {2, 0, 1, 0},
      {1, 1, 0},
      {1, 'b', 1, 1, 0},
      {2, 1, 0, 0},
      {1, 2, 0},
      {17, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 0},
      {18, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 0, 0},
      {17, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'b', 0},
  };
  const test::Bytes server = test::wire_name("ns.example.org");
  test::Bytes soa = server;
  test::append(soa, server);
  test::append(soa, test::Bytes(20));
  ASSERT_TRUE(builder.add({names[0], RrType::soa, RrClass::in, 60, soa, 1}));
  ASSERT_TRUE(builder.add({test::wire_name("ns.example.org"), RrType::a, RrClass::in, 60, test::Bytes(4), 1}));
  ASSERT_TRUE(builder.add({names[0], RrType::ns, RrClass::in, 60, server, 1}));
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    ASSERT_TRUE(builder.add({*name, RrType::txt, RrClass::in, 60, test::from_hex("0161"), 1}));
  }
  const BuiltZone built = builder.finish();
  ASSERT_NE(built.zone, nullptr);
  EXPECT_TRUE(built.problems.empty());
  std::vector<test::Bytes> found;
  built.zone->for_each([&](const Node& node) {
    test::Bytes name(node.relative_name().begin(), node.relative_name().end());
    name.push_back(0);
    if (node.find(RrType::txt).count > 0) found.push_back(name);
  });
  EXPECT_EQ(found, names);
}

}  // namespace
}  // namespace dns::zone_builder_test
