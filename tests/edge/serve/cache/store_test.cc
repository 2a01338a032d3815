#include "edge/serve/cache/store.h"

#include <malloc.h>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "edge/core/cache/vary.h"
#include "edge/serve/cache/desk.h"
#include "tests/edge/core/cache/parsed.h"

namespace edge::store_test {
namespace {

using Kind = CacheStore::Joined::Kind;

const shared::TimePoint kNow = shared::TimePoint{} + shared::seconds(1000);

// A store with what a fetch does to it, in one call.
class Fixture {
 public:
  explicit Fixture(std::size_t capacity = 64U << 20U) : store({.name = "main", .capacity = capacity}, 7) {}

  std::shared_ptr<CacheEntry> make(const std::string& url, std::string_view response, const http::FieldList& request,
                                   std::size_t size, std::string_view selector = "") {
    const ParsedResponse parsed(response);
    auto entry = std::make_shared<CacheEntry>();
    entry->head = StoredHead(parsed.head, {}, CookiePolicy::strip, 0);
    entry->url = url;
    entry->selector = selector;
    entry->vary_names = vary_names(parsed.head.fields);
    append_vary_values(entry->vary_names, request, entry->vary_values);
    entry->body = CacheBody::make(size);
    entry->body->append(std::string(size, 'x'));
    entry->body->finish(CacheBody::State::whole);
    return entry;
  }

  bool put(const std::string& url, std::string_view response = "", std::string_view request = "",
           std::size_t size = 1000, std::size_t most = 64) {
    const ParsedRequest parsed(request);
    CacheKey key{.url = url, .selector = "", .request = parsed.head.fields};
    const CacheStore::Found found = store.find(key);
    key.hash = found.hash;  // others make it anew
    const auto joined = store.join(key, found.version, nullptr, false, kNow);
    if (joined.kind != Kind::lead) return false;
    const bool stored = store.insert(make(url, response, parsed.head.fields, size), *joined.fill, most);
    store.release(*joined.fill);
    return stored;
  }

  bool has(const std::string& url, std::string_view request = "") {
    const ParsedRequest parsed(request);
    return store.find({.url = url, .selector = "", .request = parsed.head.fields}).entry != nullptr;
  }

  CacheStore::Joined join(const std::string& url, bool background = false) {
    const CacheKey key{.url = url, .selector = "", .request = none};
    return store.join(key, store.find(key).version, nullptr, background, kNow);
  }

  CacheStore store;
  http::FieldList none;
};

TEST(CacheStore, FindsWhatWasStored) {
  Fixture fixture;
  EXPECT_FALSE(fixture.has("a/"));
  EXPECT_TRUE(fixture.put("a/"));
  EXPECT_TRUE(fixture.has("a/"));
  EXPECT_FALSE(fixture.has("a/b"));
  const auto stats = fixture.store.stats();
  EXPECT_EQ(stats.entries, 1U);
  EXPECT_GT(stats.octets, 1000U);
  EXPECT_EQ(stats.fetches, 1U);
}

TEST(CacheStore, ReplacesAVariantAndKeepsOthers) {
  Fixture fixture;
  EXPECT_TRUE(fixture.put("a/", "Vary: Foo\r\n", "Foo: 1\r\n"));
  EXPECT_TRUE(fixture.put("a/", "Vary: Foo\r\n", "Foo: 2\r\n"));
  EXPECT_TRUE(fixture.put("a/", "Vary: Foo\r\n", "Foo: 2\r\n"));
  EXPECT_EQ(fixture.store.stats().entries, 2U);
  EXPECT_TRUE(fixture.has("a/", "Foo: 1\r\n"));
  EXPECT_TRUE(fixture.has("a/", "Foo: 2\r\n"));
  EXPECT_FALSE(fixture.has("a/", "Foo: 3\r\n"));
  EXPECT_FALSE(fixture.has("a/"));
}

// A server that has ceased to vary means what it says now.
TEST(CacheStore, FindsTheNewestOfThoseThatFit) {
  Fixture fixture;
  EXPECT_TRUE(fixture.put("a/", "Vary: Foo\r\nX: old\r\n", "Foo: 1\r\n"));
  EXPECT_TRUE(fixture.put("a/", "X: new\r\n", "Foo: 2\r\n"));
  const ParsedRequest parsed("Foo: 1\r\n");
  const auto found = fixture.store.find({.url = "a/", .selector = "", .request = parsed.head.fields});
  ASSERT_NE(found.entry, nullptr);
  EXPECT_EQ(found.entry->head.find("X"), "new");
}

TEST(CacheStore, BoundsTheVariantsOfAUrl) {
  Fixture fixture;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(fixture.put("a/", "Vary: Foo\r\n", "Foo: " + std::to_string(i) + "\r\n", 10, 8));
    EXPECT_LE(fixture.store.stats().entries, 8U);
  }
}

TEST(CacheStore, TellsSelectorsApart) {
  Fixture fixture;
  const CacheKey gold{.url = "a/", .selector = "gold", .request = fixture.none};
  const CacheKey free{.url = "a/", .selector = "free", .request = fixture.none};
  const auto joined = fixture.store.join(gold, 0, nullptr, false, kNow);
  ASSERT_EQ(joined.kind, Kind::lead);
  EXPECT_TRUE(fixture.store.insert(fixture.make("a/", "", fixture.none, 10, "gold"), *joined.fill, 8));
  EXPECT_NE(fixture.store.find(gold).entry, nullptr);
  EXPECT_EQ(fixture.store.find(free).entry, nullptr);
  EXPECT_TRUE(fixture.store.find(free).url_known);
}

TEST(CacheStore, HasOneFetchForAll) {
  Fixture fixture;
  const auto first = fixture.join("a/");
  EXPECT_EQ(first.kind, Kind::lead);
  EXPECT_EQ(fixture.join("a/").kind, Kind::wait);
  EXPECT_EQ(fixture.join("a/").fill, first.fill);
  EXPECT_EQ(fixture.join("b/").kind, Kind::lead);
  fixture.store.release(*first.fill);
  EXPECT_EQ(fixture.join("a/").kind, Kind::lead);
  EXPECT_EQ(fixture.store.stats().collapsed, 2U);
}

// Between its word to wait and the reading nobody takes it for unread and ends the fetch.
TEST(CacheStore, LooksAndJoinsInOne) {
  Fixture fixture;
  const CacheKey key{.url = "a/", .selector = "", .request = fixture.none};
  const auto first = fixture.store.find_or_join(key, kNow);
  EXPECT_EQ(first.found.entry, nullptr);
  ASSERT_TRUE(first.joined && first.joined->kind == Kind::lead);
  const auto second = fixture.store.find_or_join(key, kNow);
  ASSERT_TRUE(second.joined && second.joined->kind == Kind::wait);
  EXPECT_EQ(second.joined->fill, first.joined->fill);
  EXPECT_FALSE(first.joined->fill->unread()) << "he counts from then on";
  EXPECT_EQ(fixture.store.stats().collapsed, 1U);
  EXPECT_TRUE(fixture.store.insert(fixture.make("a/", "", fixture.none, 1000), *first.joined->fill, 64));
  const auto third = fixture.store.find_or_join(key, kNow);
  EXPECT_NE(third.found.entry, nullptr);
  EXPECT_FALSE(third.joined);
  fixture.store.remove(*third.found.entry);
  fixture.store.remember_miss("a/", "", kNow + shared::seconds(5));
  const auto fourth = fixture.store.find_or_join(key, kNow);
  EXPECT_TRUE(fourth.joined && fourth.joined->kind == Kind::alone);
}

TEST(CacheStore, NobodyJoinsAFetchThatIsGivenUp) {
  Fixture fixture;
  shared::WorkerLoop loop;
  CacheDesk desk(loop);
  Waiter waiter(loop);
  const auto lead = fixture.join("a/");
  EXPECT_TRUE(lead.fill->unwanted());
  const auto told = fixture.join("a/");
  ASSERT_EQ(told.kind, Kind::wait);
  EXPECT_FALSE(lead.fill->unwanted());
  EXPECT_FALSE(fixture.store.retire(*lead.fill));
  {
    const CacheDesk::Reader reader(desk, told.fill, waiter, true);
    EXPECT_FALSE(fixture.store.retire(*lead.fill));
  }
  EXPECT_TRUE(lead.fill->unwanted()) << "counted once";
  EXPECT_TRUE(fixture.store.retire(*lead.fill));
  EXPECT_TRUE(fixture.store.retire(*lead.fill));
  EXPECT_EQ(fixture.join("a/").kind, Kind::lead);
  EXPECT_FALSE(fixture.store.insert(fixture.make("a/", "", fixture.none, 10), *lead.fill, 8));
}

// What is fetched for the store's sake waits for nobody who comes by.
TEST(CacheStore, ARefreshIsNotCountedAsAReader) {
  Fixture fixture;
  const auto lead = fixture.join("a/");
  EXPECT_EQ(fixture.join("a/", true).kind, Kind::wait);
  EXPECT_TRUE(lead.fill->unread());
}

TEST(CacheStore, LooksAgainIfSomethingWasStoredMeanwhile) {
  Fixture fixture;
  const CacheKey key{.url = "a/", .selector = "", .request = fixture.none};
  const auto before = fixture.store.find(key);
  EXPECT_TRUE(fixture.put("a/"));
  EXPECT_EQ(fixture.store.join(key, before.version, nullptr, false, kNow).kind, Kind::again);
}

TEST(CacheStore, RemembersThatSomethingWasNotStored) {
  Fixture fixture;
  const auto lead = fixture.join("a/");
  fixture.store.remember_miss("a/", "", kNow + shared::seconds(5));
  fixture.store.release(*lead.fill);
  EXPECT_EQ(fixture.join("a/").kind, Kind::alone);
  const CacheKey key{.url = "a/", .selector = "", .request = fixture.none};
  const CacheKey other{.url = "a/", .selector = "gold", .request = fixture.none};
  const auto gold = fixture.store.join(other, 0, nullptr, false, kNow);
  EXPECT_EQ(gold.kind, Kind::lead) << "it was another's";
  fixture.store.release(*gold.fill);
  const auto refresh = fixture.join("a/", true);
  EXPECT_EQ(refresh.kind, Kind::lead) << "nobody waits for it";
  fixture.store.release(*refresh.fill);
  const auto just = fixture.store.join(key, 0, nullptr, false, kNow + shared::seconds(5));
  EXPECT_EQ(just.kind, Kind::lead) << "its time is over";
  fixture.store.release(*just.fill);
  EXPECT_EQ(fixture.store.join(key, 0, nullptr, false, kNow + shared::seconds(6)).kind, Kind::lead);
  EXPECT_EQ(fixture.join("b/").kind, Kind::lead);
}

TEST(CacheStore, KeepsItsBound) {
  Fixture fixture(1U << 20U);
  for (int i = 0; i < 1000; ++i) {
    fixture.put("a/" + std::to_string(i), "", "", 10'000);
    EXPECT_LE(fixture.store.stats().octets, std::size_t{1} << 20U);
  }
  const auto stats = fixture.store.stats();
  EXPECT_GT(stats.evicted, 800U);
  EXPECT_GT(stats.entries, 60U);
  std::size_t found = 0;
  for (int i = 0; i < 1000; ++i) found += fixture.has("a/" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(found, stats.entries) << "what was evicted is not found either";
  EXPECT_TRUE(fixture.put("large/", "", "", (1U << 18U) - 1));
  EXPECT_TRUE(fixture.put("large/", "", "", 1U << 18U)) << "what `max_object` may be";
  EXPECT_TRUE(fixture.has("large/"));
  EXPECT_FALSE(fixture.put("larger/", "", "", (1U << 18U) + 1)) << "more than a quarter";
  fixture.store.set_capacity(100'000);
  EXPECT_LE(fixture.store.stats().octets, 100'000U);
}

TEST(CacheStore, CountsWhatItReallyTakes) {
  Fixture fixture;
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 3000; ++i) {
    EXPECT_TRUE(fixture.put("shop.test/item?bytes=128&unique=" + std::to_string(i),
                            "Content-Type: text/plain\r\nServer: x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "",
                            128));
  }
  const std::size_t taken = mallinfo2().uordblks - before;
  if (taken == 0) GTEST_SKIP() << "another allocator";
  const std::size_t counted = fixture.store.stats().octets;
  EXPECT_GT(counted, taken * 9 / 10);
  EXPECT_LT(counted, taken * 12 / 10);
}

TEST(CacheStore, MakesRoomForWhatComes) {
  Fixture fixture(1U << 20U);
  for (int i = 0; i < 90; ++i) fixture.put("a/" + std::to_string(i), "", "", 10'000);
  EXPECT_TRUE(fixture.store.reserve(400'000));
  EXPECT_LE(fixture.store.stats().octets, std::size_t{1} << 20U);
  EXPECT_FALSE(fixture.store.reserve(400'000)) << "half of it is the most";
  fixture.store.give_back(400'000);
  const std::size_t entries = fixture.store.stats().octets;
  EXPECT_TRUE(fixture.store.reserve(400'000)) << "what was refused is not held";
  EXPECT_EQ(fixture.store.stats().octets, entries + 400'000);
  fixture.store.give_back(400'000);
  EXPECT_EQ(fixture.store.stats().octets, entries);
}

TEST(CacheStore, PurgesByUrlPrefixAndTag) {
  Fixture fixture;
  for (const char* url : {"a/x", "a/xy", "a/z", "b/x"}) {
    EXPECT_TRUE(fixture.put(url, url[2] == 'x' ? "Cache-Tag: t1, t2\r\n" : "Surrogate-Key: t2 t3\r\n"));
  }
  EXPECT_EQ(fixture.store.purge({.url = "a/x"}), 1U);
  EXPECT_FALSE(fixture.has("a/x"));
  EXPECT_TRUE(fixture.has("a/xy"));
  EXPECT_EQ(fixture.store.purge({.tag = "t3"}), 1U);
  EXPECT_FALSE(fixture.has("a/z"));
  EXPECT_EQ(fixture.store.purge({.prefix = "a/"}), 1U);
  EXPECT_EQ(fixture.store.purge({.tag = "t2", .soft = true}), 1U);
  const auto left = fixture.store.find({.url = "b/x", .selector = "", .request = fixture.none}).entry;
  ASSERT_NE(left, nullptr);
  EXPECT_TRUE(left->purged.load());
  EXPECT_EQ(fixture.store.stats().purged, 4U);
}

TEST(CacheStore, DoesNotStoreWhatWasPurgedWhileItCame) {
  for (const CachePurge& purge : {CachePurge{.url = "a/x"}, CachePurge{.prefix = "a/"}, CachePurge{.tag = "t"}}) {
    Fixture fixture;
    const auto joined = fixture.join("a/x");
    fixture.store.purge(purge);
    EXPECT_FALSE(fixture.store.insert(fixture.make("a/x", "Cache-Tag: t\r\n", fixture.none, 10), *joined.fill, 8));
    fixture.store.release(*joined.fill);
    EXPECT_TRUE(fixture.put("a/x", "Cache-Tag: t\r\n")) << "the next one is new";
  }
  Fixture fixture;
  const auto joined = fixture.join("a/x");
  fixture.store.purge({.prefix = "b/"});
  EXPECT_TRUE(fixture.store.insert(fixture.make("a/x", "", fixture.none, 10), *joined.fill, 8)) << "others";
}

// Who has changed something asks for it behind the change.
TEST(CacheStore, NobodyJoinsAFetchFromBeforeAPurge) {
  for (const CachePurge& purge : {CachePurge{.url = "a/x"}, CachePurge{.prefix = "a/"}}) {
    Fixture fixture;
    const auto before = fixture.join("a/x");
    fixture.store.purge(purge);
    const auto behind = fixture.join("a/x");
    EXPECT_EQ(behind.kind, Kind::lead);
    EXPECT_EQ(fixture.join("a/x").fill, behind.fill);
    fixture.store.release(*before.fill);
    EXPECT_TRUE(fixture.store.insert(fixture.make("a/x", "", fixture.none, 10), *behind.fill, 8));
  }
  Fixture fixture;
  const auto before = fixture.join("a/x");
  fixture.store.purge({.prefix = "b/"});
  EXPECT_EQ(fixture.join("a/x").fill, before.fill);
}

TEST(CacheStore, SoftensAnEntry) {
  Fixture f;
  ASSERT_TRUE(f.put("http://a/x"));
  const CacheKey key{.url = "http://a/x", .selector = "", .request = f.none};
  const auto found = f.store.find(key);
  ASSERT_NE(found.entry, nullptr);
  EXPECT_FALSE(found.entry->purged.load());
  f.store.soften(*found.entry);
  EXPECT_TRUE(f.store.find(key).entry->purged.load());
  EXPECT_EQ(f.store.stats().entries, 1U);
}

TEST(CacheStore, RemovesAnEntry) {
  Fixture fixture;
  fixture.put("a/");
  const auto entry = fixture.store.find({.url = "a/", .selector = "", .request = fixture.none}).entry;
  fixture.store.remove(*entry);
  fixture.store.remove(*entry);
  EXPECT_FALSE(fixture.has("a/"));
  EXPECT_EQ(fixture.store.stats().entries, 0U);
  EXPECT_EQ(fixture.store.stats().octets, 0U);
}

// All of it at once, with the sanitizers' eyes.
TEST(CacheStore, IsUsedByManyThreads) {
  Fixture fixture(1U << 20U);
  std::atomic<int> led{0};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([&fixture, &led, number] {
      for (unsigned i = 0; i < 2000; ++i) {
        const std::string url = "a/" + std::to_string((i * 7 + number) % 97);
        const http::FieldList none;
        const CacheKey key{.url = url, .selector = "", .request = none};
        const auto found = fixture.store.find(key);
        if (found.entry != nullptr) {
          CacheBody::Cursor cursor(found.entry->body);
          EXPECT_EQ(cursor.peek().size(), found.entry->body->size());
        }
        auto joined = fixture.store.join(key, found.version, nullptr, false, kNow);
        if (joined.kind == Kind::lead) {
          led.fetch_add(1);
          if (fixture.store.reserve(5000)) fixture.store.give_back(5000);
          fixture.store.insert(fixture.make(url, "Cache-Tag: t\r\n", none, 5000 + i % 100), *joined.fill, 8);
          fixture.store.release(*joined.fill);
        }
        if (i % 251 == 0) fixture.store.purge({.tag = "t", .soft = i % 2 == 0});
        if (i % 127 == 0) fixture.store.purge({.url = url});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(led.load(), 0);
  EXPECT_LE(fixture.store.stats().octets, std::size_t{1} << 20U);
  fixture.store.purge({.prefix = "a/"});
  EXPECT_EQ(fixture.store.stats().entries, 0U);
  EXPECT_EQ(fixture.store.stats().octets, 0U);
}

}  // namespace
}  // namespace edge::store_test
