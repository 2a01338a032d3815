#include "edge/serve/redis/redis_client.h"

#include <gtest/gtest.h>

namespace edge::redis_client_test {
namespace {

using Kind = RedisValue::Kind;

RedisValue text(std::string value) { return {.kind = Kind::text, .text = std::move(value)}; }
RedisValue error(std::string value) { return {.kind = Kind::error, .text = std::move(value)}; }
RedisValue list(std::vector<RedisValue> items) { return {.kind = Kind::array, .items = std::move(items)}; }

TEST(RedisClient, AServerThatCannotBeWrittenToIsOfNoUse) {
  EXPECT_TRUE(is_useless(error("READONLY You can't write against a read only replica.")));
  EXPECT_TRUE(is_useless(error("LOADING Redis is loading the dataset in memory")));
  EXPECT_TRUE(is_useless(error("NOAUTH Authentication required.")));
  EXPECT_FALSE(is_useless(error("OOM command not allowed when used memory > 'maxmemory'.")));
  EXPECT_FALSE(is_useless(error("NOSCRIPT No matching script.")));
  EXPECT_FALSE(is_useless(text("READONLY")));
}

TEST(RedisClient, ASentinelNamesTheMaster) {
  const auto master = read_master(list({text("10.0.0.5"), text("6379")}), "shop");
  ASSERT_TRUE(master);
  EXPECT_EQ(master->to_string(), "10.0.0.5:6379");
  EXPECT_EQ(read_master({}, "shop").error().message, "no sentinel knows the master 'shop'");
  EXPECT_FALSE(read_master(error("NOAUTH"), "shop"));
  EXPECT_FALSE(read_master(list({text("10.0.0.5")}), "shop"));
  EXPECT_FALSE(read_master(list({text(""), text("6379")}), "shop"));
  EXPECT_FALSE(read_master(list({text("a"), text("0")}), "shop"));
  EXPECT_FALSE(read_master(list({text("a"), text("65536")}), "shop"));
  EXPECT_FALSE(read_master(list({text("a"), text("6379x")}), "shop"));
}

TEST(RedisClient, OnlyAMasterWillDo) {
  EXPECT_TRUE(read_role(list({text("master")})));
  EXPECT_EQ(read_role(list({text("slave")})).error().message, "it is no master");
  EXPECT_TRUE(read_role(error("NOPERM this user has no permissions to run the 'role' command")));
  EXPECT_FALSE(read_role(error("NOAUTH Authentication required.")));
  EXPECT_FALSE(read_role(text("master")));
}

}  // namespace
}  // namespace edge::redis_client_test
