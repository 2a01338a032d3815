#include "shared/core/prefix_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace shared::prefix_table_test {
namespace {

// The obvious way: the longest row that contains the address, the later one of two equal ones.
std::uint32_t naive_value(const std::vector<PrefixRow>& rows, const IpAddress& address, std::uint32_t fallback) {
  const PrefixRow* best = nullptr;
  for (const PrefixRow& row : rows) {
    if (!row.prefix.contains(address)) continue;
    if (best == nullptr || row.prefix.length >= best->prefix.length) best = &row;
  }
  return best == nullptr ? fallback : best->value;
}

// Whether a block has one value: it is cut wherever a row begins or ends inside it, so trying the first address of the
// block and the first and the next address of each row in it is enough.
bool naive_uniform(const std::vector<PrefixRow>& rows, const Prefix& block, std::uint32_t fallback) {
  const std::uint32_t value = naive_value(rows, block.address, fallback);
  for (const PrefixRow& row : rows) {
    if (!block.contains(row.prefix)) continue;
    if (naive_value(rows, row.prefix.address, fallback) != value) return false;
    IpAddress next = row.prefix.address;  // the first address after the row
    unsigned bit = row.prefix.length;
    while (bit > 0 && next.bit(bit - 1)) {
      next.bytes[(bit - 1) / 8] &= static_cast<std::uint8_t>(~(0x80u >> ((bit - 1) % 8)));
      --bit;
    }
    if (bit == 0) continue;
    next.bytes[(bit - 1) / 8] |= static_cast<std::uint8_t>(0x80u >> ((bit - 1) % 8));
    if (block.contains(next) && naive_value(rows, next, fallback) != value) return false;
  }
  return true;
}

unsigned naive_depth(const std::vector<PrefixRow>& rows, const IpAddress& address, std::uint32_t fallback) {
  const unsigned bits = bits_of(address.family);
  for (unsigned depth = 0; depth < bits; ++depth) {
    if (naive_uniform(rows, {address.masked(depth), static_cast<std::uint8_t>(depth)}, fallback)) return depth;
  }
  return bits;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(engine_); }
  // Addresses crowd at few places, so that rows nest and touch.
  IpAddress address(Family family) {
    IpAddress out;
    out.family = family;
    const unsigned size = bits_of(family) / 8;
    for (unsigned i = 0; i < size; ++i) {
      const unsigned kind = below(4);
      out.bytes[i] = static_cast<std::uint8_t>(kind == 0 ? below(256) : kind == 1 ? 255 : below(2));
    }
    if (family == Family::ipv6 && below(2) == 0) out.bytes[0] = 0x20;
    return out;
  }
  Prefix prefix(Family family) {
    const auto length = static_cast<std::uint8_t>(below(bits_of(family) + 1u));
    return {address(family).masked(length), length};
  }

 private:
  std::mt19937_64 engine_;
};

Family family_of(unsigned coin) { return coin == 0 ? Family::ipv4 : Family::ipv6; }

TEST(PrefixTable, AgreesWithTheNaiveReferenceOnRandomRows) {
  Random random(20260101);
  for (int round = 0; round < 80; ++round) {
    std::vector<PrefixRow> rows;
    const unsigned count = random.below(25);
    for (unsigned i = 0; i < count; ++i) rows.push_back({random.prefix(family_of(random.below(2))), random.below(4)});
    const PrefixTable table = PrefixTable::from_rows(rows, 9);
    for (int probe = 0; probe < 30; ++probe) {
      IpAddress address = random.address(family_of(random.below(2)));
      if (!rows.empty() && random.below(2) == 0) address = rows[random.below(count)].prefix.address;
      const PrefixMatch match = table.lookup(address);
      ASSERT_EQ(match.value, naive_value(rows, address, 9)) << address.to_string();
      ASSERT_EQ(match.depth, naive_depth(rows, address, 9)) << address.to_string();
    }
  }
}

TEST(PrefixTable, AgreesWithTheNaiveReferenceWhenLargeEnoughForAnIndex) {
  Random random(7);
  std::vector<PrefixRow> rows;
  for (unsigned i = 0; i < 900; ++i) rows.push_back({random.prefix(family_of(i % 2)), random.below(5)});
  const PrefixTable table = PrefixTable::from_rows(rows, 9);
  ASSERT_GT(table.v4().starts().size(), 256u);
  ASSERT_GT(table.v6().starts().size(), 256u);
  for (int probe = 0; probe < 500; ++probe) {
    const IpAddress address = random.address(family_of(random.below(2)));
    ASSERT_EQ(table.lookup(address).value, naive_value(rows, address, 9)) << address.to_string();
  }
  for (const PrefixRow& row : rows) {
    ASSERT_EQ(table.lookup(row.prefix.address).value, naive_value(rows, row.prefix.address, 9));
  }
}

// What the index of IPv6 leaves to the search (all but 2000::/3) and what it narrows, at both ends of it and of each
// row.
TEST(PrefixTable, IndexedOrNotEachRowOfIpv6HasItsEnds) {
  std::vector<PrefixRow> rows;
  const auto add = [&](Key128 key, std::uint8_t length) {
    rows.push_back({{v6_address(key), length}, static_cast<std::uint32_t>(1 + rows.size())});
  };
  for (std::uint64_t i = 0; i < 120; ++i) {
    add({i << 57 | 1, 0}, 64);                         // spread over all leading octets
    add({0x2001'0db8'0000'0000 | i << 17, 0}, 48);     // many in one slot of the index
    add({0x3fff'ffff'0000'0000 + (i << 20), i}, 128);  // its last slot, single addresses
  }
  add({0x1fff'ffff'ffff'ffff, 0}, 64);
  add({0x2000'0000'0000'0000, 0}, 64);
  add({0x3fff'ffff'ffff'ffff, 0}, 64);
  add({0x4000'0000'0000'0000, 0}, 64);
  const PrefixTable table = PrefixTable::from_rows(rows, 0);
  ASSERT_GT(table.v6().starts().size(), 256U);
  const auto agrees = [&](Key128 key) {
    const IpAddress address = v6_address(key);
    EXPECT_EQ(table.lookup(address).value, naive_value(rows, address, 0)) << address.to_string();
    return address;
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [high, low] = v6_key(rows[i].prefix.address);
    const unsigned length = rows[i].prefix.length;
    const Key128 last =
        length == 128 ? Key128{high, low} : Key128{high | ((std::uint64_t{1} << (64 - length)) - 1), ~std::uint64_t{0}};
    const IpAddress first = agrees({high, low});
    agrees(last);
    agrees({last.low + 1 == 0 ? last.high + 1 : last.high, last.low + 1});
    const IpAddress before = agrees({low == 0 ? high - 1 : high, low - 1});
    if (i % 8 != 0) continue;
    EXPECT_EQ(table.lookup(first).depth, naive_depth(rows, first, 0)) << first.to_string();
    EXPECT_EQ(table.lookup(before).depth, naive_depth(rows, before, 0)) << before.to_string();
  }
}

TEST(PrefixTable, MergesNeighboursAndKnowsItsDepth) {
  const std::vector<PrefixRow> rows = {{*Prefix::parse("198.51.100.0/25"), 1},
                                       {*Prefix::parse("198.51.100.128/25"), 1}};
  const PrefixTable table = PrefixTable::from_rows(rows, 0);
  EXPECT_EQ(table.v4().starts().size(), 3u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("198.51.100.200")).depth, 24);
  EXPECT_EQ(table.lookup(*IpAddress::parse("198.51.101.0")).depth, 24);
  EXPECT_EQ(table.lookup(*IpAddress::parse("10.0.0.0")).depth, 1) << "no match has a real depth too";
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:db8::")).depth, 0);
}

TEST(PrefixTable, CoversTheWholeSpaceIncludingItsEnds) {
  const std::vector<PrefixRow> rows = {{*Prefix::parse("255.255.255.255"), 1},
                                       {*Prefix::parse("0.0.0.0/0"), 2},
                                       {*Prefix::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3},
                                       {*Prefix::parse("::/0"), 4}};
  const PrefixTable table = PrefixTable::from_rows(rows, 0);
  EXPECT_EQ(table.lookup(*IpAddress::parse("255.255.255.255")).value, 1u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("255.255.255.255")).depth, 32);
  EXPECT_EQ(table.lookup(*IpAddress::parse("0.0.0.0")).value, 2u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).depth, 128);
  EXPECT_EQ(table.lookup(*IpAddress::parse("::")).value, 4u);
}

TEST(PrefixTableBuilder, TakesAStreamOfDisjointRows) {
  PrefixTableBuilder builder(7);
  builder.add(*Prefix::parse("0.0.0.0/8"), 1);
  builder.add(*Prefix::parse("2001:db8::/32"), 5);
  builder.add(*Prefix::parse("1.0.0.0/8"), 1);
  builder.add(*Prefix::parse("3.0.0.0/8"), 2);
  builder.add(*Prefix::parse("255.0.0.0/8"), 3);
  builder.add(*Prefix::parse("2001:dc0::/128"), 6);
  builder.add(*Prefix::parse("2001:dc1::/64"), 8);
  builder.add(*Prefix::parse("ff00::/8"), 9);
  const PrefixTable table = std::move(builder).finish();
  EXPECT_EQ(table.lookup(*IpAddress::parse("1.2.3.4")).value, 1u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("1.2.3.4")).depth, 7);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2.2.3.4")).value, 7u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("255.255.255.255")).value, 3u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:db8::1")).value, 5u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:db9::")).value, 7u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:dc0::")).value, 6u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:dc0::1")).value, 7u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:dc1::ffff:ffff:ffff:ffff")).value, 8u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("2001:dc1:0:1::")).value, 7u);
  EXPECT_EQ(table.lookup(*IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).value, 9u);
}

TEST(PrefixTable, OneWithoutRowsHasTheValueZeroInBothFamilies) {
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(PrefixTable().lookup(*IpAddress::parse(address)).value, 0U) << address;
    EXPECT_EQ(PrefixTable().lookup(*IpAddress::parse(address)).depth, 0) << address;
  }
}

// With as many rows as make an index: whoever made the table, it has one for both families.
TEST(PrefixTableBuilder, MakesTheSameTableAsRowsDo) {
  std::vector<PrefixRow> rows;
  PrefixTableBuilder builder(0);
  for (std::uint32_t i = 0; i < 300; ++i) {
    rows.push_back({{IpAddress::v4(i << 20), 14}, 1 + i});
    rows.push_back({{v6_address({0x2000'0000'0000'0000 + (std::uint64_t{i} << 40), 0}), 30}, 1 + i});
  }
  for (const PrefixRow& row : rows) builder.add(row.prefix, row.value);
  const PrefixTable made = std::move(builder).finish();
  const PrefixTable wanted = PrefixTable::from_rows(rows, 0);
  EXPECT_EQ(made.v4().memory(), wanted.v4().memory());
  EXPECT_EQ(made.v6().memory(), wanted.v6().memory()) << "the index, too";
  EXPECT_TRUE(std::ranges::equal(made.v6().starts(), wanted.v6().starts()));
}

TEST(PrefixTable, KeysAndAddressesAreTheSameThing) {
  const IpAddress address = *IpAddress::parse("2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(v6_key(address), (Key128{0x20010db800010002, 0x0003000400050006}));
  EXPECT_EQ(v6_address(v6_key(address)), address);
}

}  // namespace
}  // namespace shared::prefix_table_test
