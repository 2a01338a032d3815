#include "edge/serve/cache/body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace edge::body_test {
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
  const auto body = CacheBody::make();
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
  const auto body = CacheBody::make();
  write(*body, std::string(300'000, 'x'), 300'000);
  EXPECT_EQ(body->live(), 300'000U);
  EXPECT_EQ(body->compact(), nullptr);
}

TEST(CacheBody, MayHaveItsOnlyChunkFromTheBeginning) {
  const auto body = CacheBody::make(1000);
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

// Its chunk lies within it, and others follow as they do elsewhere.
TEST(CacheBody, GoesOnBehindAFirstChunkThatWasToBeItsOnlyOne) {
  auto body = CacheBody::make(1000);
  auto early = std::make_unique<CacheBody::Cursor>(body);
  write(*body, std::string(1000, 'a'), 1000);
  write(*body, std::string(9000, 'b'));
  EXPECT_EQ(read(*early), std::string(1000, 'a') + std::string(9000, 'b'));
  CacheBody::Cursor late(body);
  body->pass_through();
  body->finish(CacheBody::State::whole);
  early.reset();
  body.reset();
  EXPECT_EQ(read(late), std::string(1000, 'a') + std::string(9000, 'b'));
}

TEST(CacheBody, IsCompactedWhenMuchRoomIsLeft) {
  const auto body = CacheBody::make();
  write(*body, std::string(5000, 'x'));
  body->finish(CacheBody::State::whole);
  EXPECT_EQ(body->live(), 4096U + 8192U);
  const auto compact = body->compact();
  ASSERT_NE(compact, nullptr);
  EXPECT_EQ(compact->live(), 5000U);
  CacheBody::Cursor cursor(compact);
  EXPECT_EQ(read(cursor), std::string(5000, 'x'));
}

TEST(CacheBody, WhoWasThereBeforeTheFirstOctetsLosesNone) {
  const auto body = CacheBody::make();
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
  const auto body = CacheBody::make();
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

// Chunks of 4 and 8 KiB, and one that is not full.
std::shared_ptr<CacheBody> spooled() {
  auto body = CacheBody::make();
  write(*body, std::string(4096, 'a') + std::string(8192, 'b') + std::string(1000, 'c'));
  body->spool_to(std::make_shared<OpenFile>(), 512);
  return body;
}

TEST(CacheBody, IsCopiedForAFile) {
  const auto body = spooled();
  std::vector<char> out(100'000);
  EXPECT_EQ(body->copy(0, out), 4096U);
  EXPECT_EQ(out[4095], 'a');
  EXPECT_EQ(body->copy(4100, out), 8188U);
  EXPECT_EQ(out[0], 'b');
  EXPECT_EQ(body->copy(12'288, std::span(out).first(10)), 10U);
  EXPECT_EQ(body->copy(13'288, out), 0U);
  EXPECT_EQ(body->trim(12'288), 12'288U);
  EXPECT_EQ(body->copy(0, out), 0U);
}

// One without a name takes room on a disk for as long as it is open.
TEST(CacheBody, HoldsTheFileOfWhatPassesThroughForWhoIsBehindOnly) {
  const auto body = CacheBody::make();
  std::optional<CacheBody::Cursor> quick(std::in_place, body);
  std::optional<CacheBody::Cursor> slow(std::in_place, body);
  write(*body, std::string(4096, 'a') + std::string(8192, 'b') + std::string(1000, 'c'));
  auto file = std::make_shared<const OpenFile>();
  const std::weak_ptr<const OpenFile> held = file;
  body->spool_to(std::move(file), 512);
  EXPECT_EQ(read(*quick).size(), 13'288U);
  EXPECT_EQ(body->trim(12'288), 12'288U);
  body->pass_through();
  EXPECT_TRUE(slow->peek().empty());
  EXPECT_TRUE(slow->behind());
  EXPECT_EQ(body->in_file().file, held.lock());
  EXPECT_FALSE(slow->advance(1000));
  EXPECT_FALSE(held.expired());
  slow.reset();
  EXPECT_TRUE(held.expired());
  EXPECT_EQ(body->in_file().file, nullptr);
  write(*body, "more");
  EXPECT_EQ(read(*quick), "more");
}

TEST(CacheBody, LetsGoOfWhatIsInAFile) {
  const auto body = CacheBody::make();
  CacheBody::Cursor idle(body);
  write(*body, std::string(4096, 'a') + std::string(8192, 'b') + std::string(1000, 'c'));
  body->spool_to(std::make_shared<OpenFile>(), 512);
  CacheBody::Cursor within(body);
  within.consume(within.peek().substr(0, 100).size());
  EXPECT_EQ(body->trim(4095), 0U);
  EXPECT_EQ(body->trim(12'288), 12'288U);
  EXPECT_EQ(body->trim(13'288), 0U) << "the last one is being written to";
  EXPECT_EQ(body->live(), 4096U + 16'384U) << "somebody is in the first one";
  EXPECT_EQ(body->in_file().at, 512U);
  EXPECT_EQ(body->in_file().end, 12'288U);

  EXPECT_FALSE(within.behind());
  within.consume(within.peek().size());
  EXPECT_TRUE(within.peek().empty());
  EXPECT_TRUE(within.behind());
  EXPECT_EQ(within.position(), 4096U);
  EXPECT_EQ(body->live(), 16'384U);
  EXPECT_FALSE(within.advance(8000));
  EXPECT_TRUE(within.advance(192));
  EXPECT_FALSE(within.behind());
  EXPECT_EQ(read(within), std::string(1000, 'c'));

  EXPECT_TRUE(idle.peek().empty());
  EXPECT_TRUE(idle.behind());
  idle.skip(12'300);
  EXPECT_EQ(read(idle), std::string(988, 'c'));
  CacheBody::Cursor late(body);
  EXPECT_TRUE(late.good());
  EXPECT_TRUE(late.behind());
  late.skip(5000);
  EXPECT_TRUE(late.behind());
  EXPECT_EQ(late.position(), 5000U);
}

TEST(CacheBody, GoesOnInTheChainBehindTheLastChunkThatHasGone) {
  const auto body = spooled();
  CacheBody::Cursor cursor(body);
  cursor.consume(cursor.peek().size());
  EXPECT_EQ(cursor.peek().size(), 8192U);
  EXPECT_EQ(body->trim(12'288), 12'288U);
  cursor.consume(8192);
  EXPECT_EQ(read(cursor), std::string(1000, 'c'));
  EXPECT_FALSE(cursor.behind());
}

TEST(CacheBody, KeepsWhatFollowsForWhoIsBehindWhenItPassesThrough) {
  const auto body = spooled();
  CacheBody::Cursor quick(body);
  EXPECT_EQ(read(quick).size(), 13'288U);
  CacheBody::Cursor behind(body);
  EXPECT_EQ(behind.peek().size(), 4096U);
  std::optional<CacheBody::Cursor> leaves(std::in_place, body);
  EXPECT_EQ(body->trim(12'288), 12'288U);
  body->pass_through();
  EXPECT_EQ(body->trim(13'288), 0U);
  const std::string more(20'000, 'd');
  write(*body, more);
  EXPECT_EQ(read(quick), more);
  const std::size_t held = body->live();
  behind.consume(behind.peek().size());
  EXPECT_TRUE(behind.peek().empty());
  EXPECT_TRUE(behind.advance(8192));
  EXPECT_EQ(behind.peek().front(), 'c');
  leaves.reset();
  EXPECT_EQ(read(behind), std::string(1000, 'c') + more);
  EXPECT_LT(body->live(), held) << "nobody is behind any more: what was read goes";
}

TEST(CacheBody, IsOverForWhoIsBehindWithoutItsFile) {
  const auto body = spooled();
  CacheBody::Cursor behind(body);
  static_cast<void>(body->trim(12'288));
  body->forget_file();
  body->pass_through();
  behind.consume(behind.peek().size());
  EXPECT_TRUE(behind.peek().empty());
  EXPECT_TRUE(behind.behind());
  EXPECT_EQ(body->in_file().file, nullptr);
}

// Of a fetch that nobody has looked at yet.
TEST(CacheBody, IsWholeForTheFirstWhoComesWhenItPassesThrough) {
  for (const std::uint64_t written : {0U, 12'288U}) {
    const auto body = spooled();
    EXPECT_EQ(body->trim(written), written);
    body->pass_through();
    CacheBody::Cursor first(body);
    EXPECT_TRUE(first.good());
    EXPECT_FALSE(CacheBody::Cursor(body).good());
    EXPECT_EQ(first.behind(), written > 0);
    EXPECT_TRUE(!first.behind() || first.advance(written));
    EXPECT_EQ(read(first).size(), 13'288U - written);
  }
}

// As a disk and its readers: what is written is read from `file` by who is behind.
TEST(CacheBody, IsReadByManyThreadsWhileItGoesToAFile) {
  const auto body = CacheBody::make();
  std::string text;
  for (int i = 0; i < 3'000'000; ++i) text.push_back(static_cast<char>('a' + i % 23));
  std::vector<char> file(text.size());
  const auto slow_reader = [&file, body](std::string& own, std::size_t piece) {
    CacheBody::Cursor cursor(body);
    while (true) {
      const CacheBody::State state = body->state();
      const std::string_view there = cursor.peek().substr(0, piece);
      own += there;
      if (!there.empty()) {
        cursor.consume(there.size());
      } else if (cursor.behind()) {
        const std::size_t n = std::min<std::size_t>(piece, body->in_file().end - cursor.position());
        own.append(file.data() + cursor.position(), n);
        static_cast<void>(cursor.advance(n));
      } else if (state != CacheBody::State::growing) {
        return;
      }
      if (piece < 10'000) std::this_thread::yield();
    }
  };
  std::vector<std::string> seen(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < seen.size(); ++i)
    threads.emplace_back([&, i] { slow_reader(seen[i], i % 2 == 0 ? 1000 : 1'000'000); });
  body->spool_to(std::make_shared<OpenFile>(), 0);
  threads.emplace_back([&] {
    for (std::size_t at = 0; at < file.size();) {
      at += body->copy(at, std::span(file).subspan(at, std::min<std::size_t>(50'000, file.size() - at)));
      static_cast<void>(body->trim(at));
      std::this_thread::yield();
    }
  });
  for (std::size_t at = 0; at < text.size(); at += 1000) write(*body, std::string_view(text).substr(at, 1000));
  body->finish(CacheBody::State::whole);
  for (std::thread& thread : threads) thread.join();
  for (const std::string& own : seen) EXPECT_TRUE(own == text) << own.size();
  EXPECT_LE(body->live(), CacheBody::kLargest);
}

TEST(CacheBody, SkipsToARange) {
  const auto body = CacheBody::make();
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + " ";
  write(*body, text);
  body->finish(CacheBody::State::whole);
  CacheBody::Cursor cursor(body);
  cursor.skip(12'345);
  EXPECT_EQ(read(cursor), text.substr(12'345));
}

TEST(CacheBody, IsReadByManyThreads) {
  const auto body = CacheBody::make();
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
  const auto body = CacheBody::make();
  for (int i = 0; i < 100'000; ++i) {
    body->add_chunk(1);
    body->append("x");
  }
  EXPECT_EQ(body->live(), 100'000U);
}

}  // namespace
}  // namespace edge::body_test
