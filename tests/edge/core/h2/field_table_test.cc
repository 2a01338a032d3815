#include "edge/core/h2/field_table.h"

#include <string>

#include <gtest/gtest.h>

namespace edge::h2::field_table_test {
namespace {

class DynamicTableTest : public testing::Test {
 protected:
  DynamicTable table_{*std::pmr::new_delete_resource()};
};

TEST(StaticTable, IsFoundByNameAndByField) {
  for (std::size_t i = 0; i < kStaticFields; ++i) {
    const auto& [name, value] = kStaticTable[i];
    const StaticPlace place = find_static(name, value, name_hash(name));
    EXPECT_EQ(place.field, i + 1) << name;
    EXPECT_EQ(kStaticTable[place.name - 1].name, name);
    EXPECT_EQ(find_static(name, "unlike", name_hash(name)).field, 0);
  }
  for (const std::string name : {"", "x", "content-lengtH", "x-request-id", ":statu"}) {
    EXPECT_EQ(find_static(name, "", name_hash(name)).name, 0) << name;
  }
}

TEST(StaticTable, ItsNamesAreTheEdgesOwn) {
  for (std::size_t i = 0; i < kStaticFields; ++i) {
    const std::string_view name = kStaticTable[i].name;
    const http::FieldId id = field_id_at(static_cast<std::uint8_t>(i + 1));
    EXPECT_EQ(id, name.starts_with(':') ? http::FieldId::other : http::field_id(name)) << name;
  }
  EXPECT_EQ(field_id_at(0), http::FieldId::other);
}

TEST_F(DynamicTableTest, KnowsWhetherAFieldIsOfAnAge) {
  EXPECT_FALSE(table_.holds(0, "", ""));
  DynamicTable empty(*std::pmr::new_delete_resource());
  empty.insert("", "");
  EXPECT_TRUE(empty.holds(0, "", "")) << "which has no octets at all";
  table_.insert("a", "1", 7);
  table_.insert("bc", "");
  EXPECT_TRUE(table_.holds(0, "bc", ""));
  EXPECT_TRUE(table_.holds(1, "a", "1"));
  EXPECT_FALSE(table_.holds(0, "a", "1"));
  EXPECT_FALSE(table_.holds(1, "a", "2"));
  EXPECT_FALSE(table_.holds(1, "b", "1"));
  EXPECT_FALSE(table_.holds(0, "b", "c"));
  EXPECT_FALSE(table_.holds(2, "a", "1"));
  EXPECT_EQ(table_.hash_at(1), 7);
  EXPECT_EQ(table_.inserted(), 2);
}

TEST_F(DynamicTableTest, TheNewestIsFirst) {
  EXPECT_EQ(table_.memory(), 0U);
  table_.insert("a", "1");
  table_.insert("bc", "");
  EXPECT_EQ(table_.count(), 2U);
  EXPECT_EQ(table_.size(), 2 + 2 + 64U);
  EXPECT_EQ(table_.at(0).name, "bc");
  EXPECT_EQ(table_.at(1).value, "1");
}

TEST_F(DynamicTableTest, TheOldestGiveWay) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string value(static_cast<std::size_t>(i * 7 % 300), static_cast<char>('a' + i % 26));
      table_.insert(std::to_string(i), value);
      ASSERT_LE(table_.size(), DynamicTable::kMost);
      ASSERT_EQ(table_.at(0).name, std::to_string(i));
      ASSERT_EQ(table_.at(0).value, value);
      const std::size_t last = table_.count() - 1;
      const int oldest = i - static_cast<int>(last);
      if (oldest >= 0) {
        ASSERT_EQ(table_.at(last).name, std::to_string(oldest));
      }
    }
  }
  EXPECT_LE(table_.memory(), 4096U + 128 * 8);
}

TEST_F(DynamicTableTest, WhatIsTooLargeEmptiesIt) {
  table_.insert("a", "1");
  table_.insert("b", std::string(4096 - 33, 'x'));
  EXPECT_EQ(table_.count(), 1U);
  EXPECT_EQ(table_.size(), 4096U);
  table_.insert("b", std::string(4096, 'x'));
  EXPECT_EQ(table_.count(), 0U);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(DynamicTableTest, ASmallerSizeTakesTheOldest) {
  table_.insert("a", "1");
  table_.insert("b", "2");
  table_.set_most(40);
  EXPECT_EQ(table_.count(), 1U);
  EXPECT_EQ(table_.at(0).name, "b");
  table_.set_most(0);
  EXPECT_EQ(table_.count(), 0U);
  table_.insert("c", "3");
  EXPECT_EQ(table_.count(), 0U);
  table_.set_most(4096);
  table_.insert("", "");
  EXPECT_EQ(table_.at(0).name, "");
}

TEST_F(DynamicTableTest, FindsTheFieldOrItsName) {
  const std::uint16_t hash = name_hash("name");
  table_.insert("name", "1", hash);
  table_.insert("name", "2", hash);
  table_.insert("other", "2", name_hash("other"));
  EXPECT_EQ(table_.find("name", "1", hash).field, 2U);
  const DynamicTable::Found found = table_.find("name", "3", hash);
  EXPECT_FALSE(found.field);
  EXPECT_EQ(found.name, 1U);
  EXPECT_EQ(found.names, 2U);
  EXPECT_FALSE(table_.find("none", "1", name_hash("none")).name);
}

}  // namespace
}  // namespace edge::h2::field_table_test
