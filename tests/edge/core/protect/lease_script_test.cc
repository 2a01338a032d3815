#include "edge/core/protect/lease_script.h"

#include <gtest/gtest.h>

namespace edge::lease_script_test {
namespace {

using Kind = RedisValue::Kind;

RedisValue number(std::int64_t value) { return {.kind = Kind::integer, .integer = value}; }
RedisValue text(std::string value) { return {.kind = Kind::text, .text = std::move(value)}; }
RedisValue list(std::vector<RedisValue> items) { return {.kind = Kind::array, .items = std::move(items)}; }

RedisValue good() {
  return list({number(3), text("00000000000000ff"), text("1764483000123"), list({number(4096), number(64)}),
               list({text("000000000000000a")})});
}

TEST(LeaseScript, ReadsAnAnswer) {
  const auto answer = read_lease_answer(good(), 2);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->edges, 3U);
  EXPECT_EQ(answer->seed, 0xFFU);
  EXPECT_EQ(answer->cursor, 1764483000123U);
  EXPECT_EQ(answer->shares, (std::vector<std::uint32_t>{4096, 64}));
  EXPECT_EQ(answer->hot, std::vector<std::uint64_t>{10});
}

TEST(LeaseScript, AnErrorIsTheServersWords) {
  const auto answer = read_lease_answer({.kind = Kind::error, .text = "OOM command not allowed"}, 0);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "OOM command not allowed");
}

TEST(LeaseScript, BelievesNothingElse) {
  EXPECT_FALSE(read_lease_answer({}, 0));
  EXPECT_FALSE(read_lease_answer(good(), 1)) << "more shares than were asked for";
  EXPECT_FALSE(read_lease_answer(good(), 3));
  const auto with = [](std::size_t place, RedisValue value) {
    RedisValue answer = good();
    answer.items[place] = std::move(value);
    return read_lease_answer(answer, 2).has_value();
  };
  EXPECT_FALSE(with(0, number(0)));
  EXPECT_FALSE(with(0, text("3")));
  EXPECT_FALSE(with(1, text("")));
  EXPECT_FALSE(with(1, text("xyz")));
  EXPECT_FALSE(with(2, text("1.5e9")));
  EXPECT_FALSE(with(2, text("99999999999999999999999")));
  EXPECT_FALSE(with(3, list({number(4097), number(1)})));
  EXPECT_FALSE(with(3, list({number(-1), number(1)})));
  EXPECT_FALSE(with(4, list({text("0")}))) << "no key";
  EXPECT_FALSE(with(4, list(std::vector<RedisValue>(kMostHotKeysTold + 1, text("1")))));
}

TEST(LeaseScript, ACommandHasTheKeysInOneSlotAndTheDemandOfEach) {
  const LeaseTerms terms{
      .edge = "192.0.2.1", .seed = 16, .lease = shared::seconds(3), .silent = shared::milliseconds(750), .rate = 0.5};
  const LeaseAsk ask{.keys = {{.key = 0xABC, .demand = 1500}}, .since = 7};
  EXPECT_EQ(lease_command("sha", "m:limit:eu:api", terms, ask),
            (std::vector<std::string>{"EVALSHA", "sha", "4", "{m:limit:eu:api}:edges", "{m:limit:eu:api}:hot",
                                      "{m:limit:eu:api}:seed", "{m:limit:eu:api}:", "192.0.2.1", "0000000000000010",
                                      "3000", "750", "500", "7", "10000", "0000000000000abc", "1500"}));
}

}  // namespace
}  // namespace edge::lease_script_test
