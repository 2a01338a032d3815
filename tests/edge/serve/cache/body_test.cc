#include "edge/serve/cache/body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace edge {
namespace {

void write(CacheBody& body, std::string_view octets, std::uint64_t known = 0) {
  while (!octets.empty()) {
    if (const std::size_t size = body.next_chunk(octets.size(), known); size > 0) body.add_chunk(size);
    octets.remove_prefix(body.append(octets));
  }
}

std::string read(CacheBody::Cursor& cursor) {
  std::string text;
  for (std::string_view there = cursor.peek(); !there.empty(); there = cursor.peek()) {
    text.append(there);
    cursor.consume(there.size());
  }
  return text;
}

TEST(CacheBody, IsReadWhileItComes) {
  const auto body = std::make_shared<CacheBody>();
  CacheBody::Cursor early(body);
  EXPECT_TRUE(early.peek().empty());
  const std::string first(5000, 'a');
  write(*body, first);
  EXPECT_EQ(read(early), first);
  CacheBody::Cursor late(body);
  write(*body, "end");
  body->finish(CacheBody::State::whole);
  EXPECT_EQ(read(early), "end");
  EXPECT_EQ(read(late), first + "end");
  EXPECT_EQ(late.position(), body->size());
  EXPECT_EQ(body->state(), CacheBody::State::whole);
}

TEST(CacheBody, TakesOneChunkWhereTheLengthIsKnown) {
  CacheBody body;
  write(body, std::string(300'000, 'x'), 300'000);
  EXPECT_EQ(body.live(), 300'000U);
  EXPECT_EQ(body.compact(), nullptr);
}

TEST(CacheBody, MayHaveItsOnlyChunkFromTheBeginning) {
  const auto body = std::make_shared<CacheBody>(1000);
  EXPECT_EQ(body->live(), 1000U);
  CacheBody::Cursor early(body);
  EXPECT_TRUE(early.peek().empty());
  write(*body, std::string(600, 'a'), 1000);
  EXPECT_EQ(read(early), std::string(600, 'a'));
  write(*body, std::string(400, 'b'), 1000);
  EXPECT_EQ(body->live(), 1000U);
  EXPECT_EQ(read(early), std::string(400, 'b'));
  body->finish(CacheBody::State::whole);
  CacheBody::Cursor late(body);
  EXPECT_EQ(read(late), std::string(600, 'a') + std::string(400, 'b'));
  EXPECT_EQ(body->compact(), nullptr);
}

TEST(CacheBody, IsCompactedWhenMuchRoomIsLeft) {
  CacheBody body;
  write(body, std::string(5000, 'x'));
  body.finish(CacheBody::State::whole);
  EXPECT_EQ(body.live(), 4096U + 8192U);
  const auto compact = body.compact();
  ASSERT_NE(compact, nullptr);
  EXPECT_EQ(compact->live(), 5000U);
  CacheBody::Cursor cursor(compact);
  EXPECT_EQ(read(cursor), std::string(5000, 'x'));
}

TEST(CacheBody, WhoWasThereBeforeTheFirstOctetsLosesNone) {
  const auto body = std::make_shared<CacheBody>();
  CacheBody::Cursor owner(body);
  CacheBody::Cursor other(body);
  write(*body, std::string(5000, 'a'));
  body->pass_through();  // before either has looked
  write(*body, std::string(9000, 'b'));
  EXPECT_EQ(read(owner), std::string(5000, 'a') + std::string(9000, 'b'));
  EXPECT_EQ(read(other), std::string(5000, 'a') + std::string(9000, 'b'));
  EXPECT_FALSE(CacheBody::Cursor(body).good());
}

TEST(CacheBody, LetsGoOfWhatHasBeenReadWhenItPassesThrough) {
  const auto body = std::make_shared<CacheBody>();
  body->pass_through();
  write(*body, std::string(4096, 'a'));
  CacheBody::Cursor owner(body);
  EXPECT_TRUE(owner.good());
  EXPECT_FALSE(CacheBody::Cursor(body).good());
  for (int i = 0; i < 50; ++i) {
    write(*body, std::string(8192, 'b'));
    EXPECT_FALSE(read(owner).empty());
  }
  EXPECT_LE(body->live(), 2 * CacheBody::kLargest);
}

TEST(CacheBody, SkipsToARange) {
  const auto body = std::make_shared<CacheBody>();
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + " ";
  write(*body, text);
  body->finish(CacheBody::State::whole);
  CacheBody::Cursor cursor(body);
  cursor.skip(12'345);
  EXPECT_EQ(read(cursor), text.substr(12'345));
}

TEST(CacheBody, IsReadByManyThreads) {
  const auto body = std::make_shared<CacheBody>();
  std::string text;
  for (int i = 0; i < 200'000; ++i) text.push_back(static_cast<char>('a' + i % 23));
  std::vector<std::thread> readers;
  std::vector<std::string> seen(4);
  for (std::string& own : seen) {
    readers.emplace_back([&own, body] {
      CacheBody::Cursor cursor(body);
      while (true) {
        const CacheBody::State state = body->state();
        own += read(cursor);
        if (state != CacheBody::State::growing) return;
        std::this_thread::yield();
      }
    });
  }
  for (std::size_t at = 0; at < text.size(); at += 1000) write(*body, std::string_view(text).substr(at, 1000));
  body->finish(CacheBody::State::whole);
  for (std::thread& reader : readers) reader.join();
  for (const std::string& own : seen) EXPECT_EQ(own, text);
}

TEST(CacheBody, FreesALongChainWithoutAStack) {
  const auto body = std::make_shared<CacheBody>();
  for (int i = 0; i < 100'000; ++i) {
    body->add_chunk(1);
    body->append("x");
  }
  EXPECT_EQ(body->live(), 100'000U);
}

}  // namespace
}  // namespace edge
