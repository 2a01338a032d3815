#include "edge/serve/redis/redis_replies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edge::redis_replies_test {
namespace {

using Kind = RedisValue::Kind;

TEST(RedisReplies, ReadsEveryKindHoweverItIsCut) {
  const std::string octets = "+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n*3\r\n$3\r\na\r\n\r\n:1\r\n*1\r\n$0\r\n\r\n";
  for (std::size_t piece = 1; piece <= octets.size(); ++piece) {
    RedisReplies replies;
    std::vector<RedisValue> found;
    for (std::size_t at = 0; at < octets.size(); at += piece) {
      ASSERT_TRUE(replies.feed(std::string_view(octets).substr(at, piece)));
      while (auto value = replies.next()) found.push_back(std::move(*value));
    }
    ASSERT_EQ(found.size(), 5U) << piece;
    EXPECT_EQ(found[0].text, "OK");
    EXPECT_TRUE(found[1].is_error());
    EXPECT_EQ(found[1].text, "ERR no");
    EXPECT_EQ(found[2].integer, -7);
    EXPECT_EQ(found[3].kind, Kind::nil);
    ASSERT_EQ(found[4].items.size(), 3U);
    EXPECT_EQ(found[4].items[0].text, "a\r\n");
    EXPECT_EQ(found[4].items[2].items[0].kind, Kind::text);
  }
}

bool bad(const std::string& octets) {
  RedisReplies replies;
  if (!replies.feed(octets)) return true;
  while (replies.next()) {
  }
  return replies.bad();
}

TEST(RedisReplies, WhoIsNoRedisIsToldApart) {
  EXPECT_TRUE(bad("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_TRUE(bad("*100000\r\n")) << "more items than anybody needs";
  EXPECT_TRUE(bad("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n")) << "too deep";
  EXPECT_FALSE(bad("*2\r\n:1\r\n")) << "only not whole";
}

TEST(RedisReplies, OfAnErrorTheFrontIsKept) {
  RedisReplies replies;
  ASSERT_TRUE(replies.feed("-ERR " + std::string(5000, 'x') + "\r\n$300\r\n" + std::string(300, 'y') + "\r\n"));
  const auto error = replies.next();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text, "ERR " + std::string(RedisReplies::kMostWords - 4, 'x'));
  EXPECT_EQ(replies.next()->text.size(), 300U);
}

TEST(RedisReplies, AReplyHasABound) {
  RedisReplies replies;
  EXPECT_TRUE(replies.feed("$9999999\r\n"));
  EXPECT_FALSE(replies.next());
  const std::string more(RedisReplies::kMostOctets, 'x');
  EXPECT_FALSE(replies.feed(more));
  EXPECT_TRUE(replies.bad());
}

TEST(RedisReplies, ACommandSaysItsLengths) {
  const std::vector<std::string> words{"SET", "a b", "\r\n"};
  EXPECT_EQ(redis_command(words), "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$2\r\n\r\n\r\n");
}

}  // namespace
}  // namespace edge::redis_replies_test
