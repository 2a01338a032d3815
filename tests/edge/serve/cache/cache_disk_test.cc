#include "edge/serve/cache/cache_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "edge/core/cache/vary.h"
#include "edge/serve/cache/store.h"
#include "tests/edge/core/cache/parsed.h"

namespace edge::cache_disk_test {
namespace {

namespace fs = std::filesystem;
using Kind = CacheStore::Joined::Kind;

template <class Holds>
bool eventually(Holds holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// A directory, and stores on it one after another.
class CacheDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "meridian-cache-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(directory_);
  }

  std::unique_ptr<CacheStore> make(std::size_t capacity = 64U << 20U, std::size_t memory = 64U << 20U) {
    auto made = std::make_unique<CacheStore>(
        CacheStoreSettings{.name = "main", .capacity = capacity, .disk = (directory_ / "c").string(), .memory = memory},
        7);
    made->start();
    return made;
  }
  void open(std::size_t capacity = 64U << 20U, std::size_t memory = 64U << 20U) {
    store_.reset();
    store_ = make(capacity, memory);
    EXPECT_TRUE(eventually([&] { return store_->disk()->accepts() && !store_->disk()->scanning(); }));
  }

  bool put(const std::string& url, std::string_view body = "octets", std::string_view response = "",
           std::string_view request = "") {
    const ParsedRequest asked(request);
    const ParsedResponse parsed(response);
    const CacheKey key{.url = url, .selector = "", .request = asked.head.fields};
    const auto joined = store_->join(key, store_->find(key).version, nullptr, false, {});
    if (joined.kind != Kind::lead) return false;
    auto entry = std::make_shared<CacheEntry>();
    entry->heard_at = ++heard_at_;
    entry->head = StoredHead(parsed.head, {}, CookiePolicy::strip, entry->heard_at);
    entry->freshness.lifetime = 3600;
    entry->freshness.heard = shared::Clock::now();
    entry->url = url;
    entry->vary_names = vary_names(parsed.head.fields);
    append_vary_values(entry->vary_names, asked.head.fields, entry->vary_values);
    entry->body = CacheBody::make();
    if (!body.empty()) entry->body->add_chunk(body.size());
    entry->body->append(body);
    entry->body->finish(CacheBody::State::whole);
    const bool stored = store_->insert(entry, *joined.fill, 64);
    store_->release(*joined.fill);
    return stored;
  }

  std::shared_ptr<CacheEntry> find(const std::string& url, std::string_view request = "") {
    const ParsedRequest asked(request);
    return store_->find({.url = url, .selector = "", .request = asked.head.fields}).entry;
  }
  // It is in its file, and in memory no more.
  std::shared_ptr<CacheEntry> settled(const std::string& url) {
    EXPECT_TRUE(eventually([&] {
      const auto entry = find(url);
      return entry == nullptr || entry->body == nullptr;
    }));
    return find(url);
  }

  // A fetch whose body is written while it comes.
  struct Large {
    std::shared_ptr<CacheFill> fill;
    std::shared_ptr<CacheEntry> entry;
    std::shared_ptr<CacheSpool> spool;
    std::string octets;
  };
  Large begin(const std::string& url) {
    const ParsedRequest asked("");
    const ParsedResponse parsed("");
    const CacheKey key{.url = url, .selector = "", .request = asked.head.fields};
    Large large;
    large.fill = store_->join(key, store_->find(key).version, nullptr, false, {}).fill;
    large.entry = std::make_shared<CacheEntry>();
    large.entry->heard_at = ++heard_at_;
    large.entry->head = StoredHead(parsed.head, {}, CookiePolicy::strip, large.entry->heard_at);
    large.entry->freshness.lifetime = 3600;
    large.entry->freshness.heard = shared::Clock::now();
    large.entry->url = url;
    large.entry->body = CacheBody::make();
    large.spool = store_->spool(large.entry, large.fill, 64);
    return large;
  }
  void tell(const Large& large) {
    if (large.spool->ask()) store_->disk()->spool(large.spool);
  }
  void bring(Large& large, std::size_t octets) {
    std::string some(octets, '\0');
    for (std::size_t i = 0; i < octets; ++i) some[i] = static_cast<char>((large.octets.size() + i) * 31 / 7);
    large.entry->body->add_chunk(octets);
    large.entry->body->append(some);
    large.octets += some;
    tell(large);
  }
  void end(const Large& large) {
    large.entry->body->finish(CacheBody::State::whole);
    large.spool->end(0);
    tell(large);
  }
  bool forgotten(const std::string& url) {
    return eventually([&] { return files() == 0 && store_->stats().octets == 0 && find(url) == nullptr; });
  }

  fs::path path_of(const CacheEntry& entry) const { return directory_ / "c" / entry.file->name; }
  std::string body_of(const CacheEntry& entry) const {
    std::ifstream in(path_of(entry), std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(in), {}};
    return all.substr(std::min<std::size_t>(entry.file->body.at, all.size()));
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& one : fs::recursive_directory_iterator(directory_ / "c")) {
      std::error_code gone;
      if (one.is_regular_file(gone) && one.path().filename() != "lock") ++count;
    }
    return count;
  }
  std::uint64_t on_disk() const {
    std::uint64_t octets = 0;
    for (const auto& one : fs::recursive_directory_iterator(directory_ / "c")) {
      std::error_code gone;
      const bool file = one.is_regular_file(gone);
      const std::uint64_t size = file ? one.file_size(gone) : 0;
      if (!gone) octets += disk_octets(0, size);
    }
    return octets;
  }

  fs::path directory_;
  std::unique_ptr<CacheStore> store_;
  http::UnixSeconds heard_at_ = std::time(nullptr) - 1000;
};

TEST_F(CacheDiskTest, WritesAnEntryAndLetsGoOfItsMemory) {
  open();
  const std::string body(100'000, 'b');
  ASSERT_TRUE(put("a/", body, "ETag: \"1\"\r\n"));
  const auto entry = settled("a/");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->body_size(), body.size());
  EXPECT_EQ(body_of(*entry), body);
  EXPECT_TRUE(entry->file->proven.load());
  EXPECT_EQ(files(), 1U);
  const auto stats = store_->stats();
  EXPECT_LT(stats.memory, 5000U);
  EXPECT_GE(stats.octets, body.size());
  EXPECT_EQ(store_->disk()->stats().written, 1U);
}

TEST_F(CacheDiskTest, FindsAgainWhatAnEarlierProcessHasStored) {
  open();
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(put("a/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x')));
  ASSERT_TRUE(put("v/", "one", "Vary: Foo\r\n", "Foo: 1\r\n"));
  ASSERT_TRUE(put("v/", "two", "Vary: Foo\r\n", "Foo: 2\r\n"));
  EXPECT_TRUE(eventually([&] { return store_->disk()->stats().written == 302; }));
  open();
  EXPECT_EQ(store_->stats().entries, 302U);
  EXPECT_EQ(store_->disk()->stats().found, 302U);
  EXPECT_EQ(store_->disk()->stats().torn, 0U);
  const auto entry = find("a/77");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->body, nullptr);
  EXPECT_FALSE(entry->file->proven.load()) << "its octets are compared first";
  EXPECT_EQ(body_of(*entry), std::string(77, 'x'));
  EXPECT_GT(entry->freshness.ttl(shared::Clock::now()), 0);
  EXPECT_EQ(body_of(*find("v/", "Foo: 2\r\n")), "two");
  EXPECT_EQ(find("v/", "Foo: 3\r\n"), nullptr);
}

TEST_F(CacheDiskTest, RemovesWhatIsTornAndNothingElse) {
  open();
  for (const char* url : {"a/1", "a/2", "a/3", "a/4"}) ASSERT_TRUE(put(url, std::string(10'000, 'x')));
  std::vector<fs::path> paths;
  for (const char* url : {"a/1", "a/2", "a/3", "a/4"}) paths.push_back(path_of(*settled(url)));
  store_.reset();
  fs::resize_file(paths[0], 20);
  fs::resize_file(paths[1], fs::file_size(paths[1]) - 1);
  std::ofstream(paths[2], std::ios::in | std::ios::binary).write("garbage!", 8);
  std::ofstream(paths[3].string() + ".new") << "half";
  std::ofstream(paths[3].parent_path() / "0123456789abcdef01") << std::string(100, '\0');
  std::ofstream(directory_ / "c" / "README") << "the operator's";
  std::ofstream(paths[3].parent_path() / "README") << "the operator's";
  open();
  EXPECT_EQ(store_->stats().entries, 1U);
  EXPECT_NE(find("a/4"), nullptr);
  EXPECT_EQ(store_->disk()->stats().torn, 4U);
  EXPECT_TRUE(fs::exists(directory_ / "c" / "README"));
  EXPECT_TRUE(fs::exists(paths[3].parent_path() / "README"));
  EXPECT_EQ(files(), 3U) << "one response, and what is not ours";
}

TEST_F(CacheDiskTest, KeepsTheBoundOfTheDisk) {
  constexpr std::size_t kCapacity = 1U << 20U;
  open(kCapacity);
  for (int i = 0; i < 300; ++i) {
    put("a/" + std::to_string(i), std::string(10'000, 'x'));
    EXPECT_LE(store_->stats().octets, kCapacity);
    if (i % 50 == 49) {
      EXPECT_TRUE(eventually([&] { return on_disk() <= kCapacity; }));
    }
  }
  EXPECT_GT(store_->stats().evicted, 100U);
  EXPECT_GT(store_->stats().entries, 50U);
  EXPECT_FALSE(put("large/", std::string(300'000, 'x'))) << "more than a quarter";
  open(200'000);
  EXPECT_LE(store_->stats().octets, 200'000U) << "a smaller one finds less";
  EXPECT_TRUE(eventually([&] { return on_disk() <= 200'000; }));
}

TEST_F(CacheDiskTest, KeepsTheBoundOfMemory) {
  constexpr std::size_t kMemory = 200'000;
  open(64U << 20U, kMemory);
  for (int i = 0; i < 500; ++i) put("a/" + std::to_string(i), "x", "X-Long: " + std::string(300, 'l') + "\r\n");
  EXPECT_TRUE(eventually([&] { return store_->stats().memory <= kMemory / 2; })) << store_->stats().memory;
  EXPECT_GT(store_->stats().evicted, 100U);
  EXPECT_FALSE(store_->reserve(kMemory)) << "of bodies that come";
  EXPECT_FALSE(put("large/", std::string(kMemory, 'x')));
  EXPECT_EQ(store_->stats().skipped, 1U);
}

TEST_F(CacheDiskTest, PurgesFiles) {
  open();
  for (const char* url : {"a/1", "a/2", "b/1", "b/2"}) ASSERT_TRUE(put(url, "x", "Cache-Tag: t\r\n"));
  EXPECT_EQ(store_->purge({.url = "a/1"}), 1U);
  EXPECT_EQ(store_->purge({.prefix = "a/"}), 1U);
  static_cast<void>(settled("b/1"));
  EXPECT_EQ(store_->purge({.url = "b/1", .soft = true}), 1U);
  open();
  EXPECT_EQ(store_->stats().entries, 2U);
  ASSERT_NE(find("b/1"), nullptr);
  EXPECT_TRUE(find("b/1")->purged.load()) << "softly, and over a restart";
  EXPECT_FALSE(find("b/2")->purged.load());
  EXPECT_EQ(store_->purge({.tag = "t"}), 2U);
  EXPECT_TRUE(eventually([&] { return files() == 0; }));
}

TEST_F(CacheDiskTest, DoesNotFindWhatWasPurgedBeforeItWasFound) {
  open();
  for (const char* url : {"a/1", "a/2", "b/1", "c/1"}) ASSERT_TRUE(put(url));
  store_.reset();
  // A store whose scan has not begun.
  store_ = std::make_unique<CacheStore>(
      CacheStoreSettings{.name = "main", .capacity = 64U << 20U, .disk = (directory_ / "c").string()}, 7);
  store_->purge({.url = "a/1"});
  store_->purge({.prefix = "b/"});
  store_->purge({.url = "a/2", .soft = true});
  store_->start();
  EXPECT_TRUE(eventually([&] { return !store_->disk()->scanning(); }));
  EXPECT_EQ(find("a/1"), nullptr);
  EXPECT_EQ(find("b/1"), nullptr);
  ASSERT_NE(find("a/2"), nullptr);
  EXPECT_TRUE(find("a/2")->purged.load());
  EXPECT_NE(find("c/1"), nullptr);
  EXPECT_TRUE(eventually([&] { return files() == 2; }));
}

TEST_F(CacheDiskTest, WritesTheHeadThatA304HasUpdated) {
  open();
  ASSERT_TRUE(put("a/", "body", "ETag: \"1\"\r\n"));
  const auto old = settled("a/");
  const http::FieldList none;
  const CacheKey asked{.url = "a/", .selector = "", .request = none};
  const auto joined = store_->join(asked, store_->find(asked).version, old, false, {});
  ASSERT_EQ(joined.kind, Kind::lead);
  const ParsedResponse parsed("ETag: \"1\"\r\nX-New: yes\r\n");
  auto updated = std::make_shared<CacheEntry>(static_cast<const CacheRecord&>(*old));
  updated->head = StoredHead(parsed.head, {}, CookiePolicy::strip, 0);
  updated->freshness.lifetime = 7200;
  updated->file = old->file;
  EXPECT_TRUE(store_->insert(updated, *joined.fill, 8));
  store_->release(*joined.fill);
  EXPECT_EQ(store_->stats().entries, 1U);
  open();
  const auto found = find("a/");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->head.find("X-New"), "yes");
  EXPECT_EQ(found->freshness.lifetime, 7200U);
  EXPECT_EQ(body_of(*found), "body");
  EXPECT_EQ(files(), 1U);
}

// A disk that hangs may do so for long, while 304s come.
TEST_F(CacheDiskTest, KeepsTheBoundOfWhatIsToBeWrittenAnew) {
  CacheDisk hanging("main", directory_.string(), 1, {});  // as one whose thread never comes back
  const auto entry = std::make_shared<CacheEntry>();
  for (int i = 0; i < 50'000; ++i) hanging.rewrite(entry);
  EXPECT_LE(entry.use_count(), 10'001);
}

TEST_F(CacheDiskTest, ReplacesAVariantAndItsFile) {
  open();
  ASSERT_TRUE(put("a/", "first"));
  ASSERT_TRUE(put("a/", "second"));
  EXPECT_EQ(body_of(*settled("a/")), "second");
  EXPECT_TRUE(eventually([&] { return files() == 1; }));
  open();
  EXPECT_EQ(body_of(*find("a/")), "second");
}

TEST_F(CacheDiskTest, RemovesAnEntryWhoseFileIsBad) {
  open();
  ASSERT_TRUE(put("a/"));
  const auto before = find("a/");
  const auto entry = settled("a/");
  store_->remove(*before);
  EXPECT_EQ(find("a/"), nullptr) << "the one that has taken its place, too";
  EXPECT_TRUE(eventually([&] { return files() == 0; }));
  EXPECT_EQ(store_->stats().octets, 0U);
}

TEST_F(CacheDiskTest, WritesALargeBodyWhileItComes) {
  open(256U << 20U, 8U << 20U);
  EXPECT_EQ(store_->spooled_from(), 512U * 1024U);
  Large large = begin("a/");
  std::size_t freed = 0;
  for (int i = 0; i < 40; ++i) {
    bring(large, 300'000);
    EXPECT_TRUE(eventually([&] { return large.spool->written() == large.octets.size(); }));
    freed += large.spool->take_freed();
  }
  EXPECT_GE(freed, 38U * 300'000U) << "but for the last one, and perhaps the one before";
  EXPECT_EQ(find("a/"), nullptr) << "not before its end";
  EXPECT_EQ(files(), 1U);
  end(large);
  EXPECT_TRUE(eventually([&] { return find("a/") != nullptr; }));
  const auto entry = find("a/");
  EXPECT_EQ(entry->body, nullptr);
  EXPECT_TRUE(entry->file->proven.load());
  EXPECT_EQ(body_of(*entry), large.octets);
  EXPECT_EQ(store_->disk()->stats().written, 1U);
  EXPECT_LT(store_->stats().memory, 5000U);
  open(256U << 20U, 8U << 20U);
  ASSERT_NE(find("a/"), nullptr) << "it is a record as any other";
  EXPECT_EQ(find("a/")->body_size(), large.octets.size());
}

// A server that sends as fast as the disk writes.
TEST_F(CacheDiskTest, ALargeBodyWithoutAnEndHoldsNobodyUp) {
  constexpr std::uint64_t kAhead = 4U << 20U;
  constexpr std::uint64_t kMost = 512U << 20U;
  open(256U << 20U, 64U << 20U);
  const Large large = begin("a/");
  const std::string some(256 * 1024, 's');
  const auto come = [&] {
    while (large.entry->body->size() < large.spool->written() + kAhead) {
      large.entry->body->add_chunk(some.size());
      large.entry->body->append(some);
    }
    tell(large);
  };
  come();
  ASSERT_TRUE(put("b/"));
  while (find("b/")->body != nullptr && large.entry->body->size() < kMost) come();
  EXPECT_LT(large.entry->body->size(), kMost) << "the other one waits for its end";
  large.spool->abandon();
  tell(large);
  EXPECT_TRUE(eventually([&] { return files() == 1; }));
}

TEST_F(CacheDiskTest, LeavesNothingOfALargeBodyThatIsNotStored) {
  open();
  Large given_up = begin("a/");
  bring(given_up, 500'000);
  EXPECT_TRUE(store_->claim(*given_up.spool, 1'000'000));
  given_up.spool->abandon();
  tell(given_up);
  EXPECT_TRUE(forgotten("a/"));

  Large purged = begin("b/");
  bring(purged, 500'000);
  store_->purge({.prefix = "b/"});
  end(purged);
  EXPECT_TRUE(forgotten("b/"));

  Large doomed = begin("c/");
  bring(doomed, 500'000);
  store_->purge({.url = "c/"});
  end(doomed);
  EXPECT_TRUE(forgotten("c/"));

  Large vanished = begin("d/");
  bring(vanished, 500'000);
  EXPECT_TRUE(eventually([&] { return vanished.spool->written() == 500'000; }));
  fs::remove_all(directory_ / "c");
  end(vanished);
  EXPECT_TRUE(eventually([&] { return vanished.spool->failed(); }));
  EXPECT_EQ(store_->disk()->stats().write_failures, 1U);
  EXPECT_EQ(find("d/"), nullptr);
  fs::create_directories(directory_ / "c");
}

TEST_F(CacheDiskTest, PutsRoomAsideForLargeBodies) {
  open(8U << 20U);
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(put("a/" + std::to_string(i), std::string(1'000'000, 'x')));
  Large large = begin("b/");
  EXPECT_FALSE(store_->claim(*large.spool, 5U << 20U)) << "half of the disk is for what comes";
  EXPECT_TRUE(store_->claim(*large.spool, 3U << 20U));
  EXPECT_LE(store_->stats().octets, 8U << 20U);
  EXPECT_GE(store_->stats().evicted, 2U);
  EXPECT_FALSE(store_->claim(*large.spool, 2U << 20U));
  const std::size_t before = store_->stats().octets;
  store_->disclaim(*large.spool);
  store_->disclaim(*large.spool);
  EXPECT_EQ(store_->stats().octets, before - (3U << 20U));
  large.spool->abandon();
  tell(large);
}

TEST_F(CacheDiskTest, ComparesALargeFileWithItsHashSomeAtATime) {
  open();
  const std::string body(9'000'000, 'b');
  ASSERT_TRUE(put("a/", body));
  ASSERT_TRUE(put("b/", body));
  const fs::path torn = path_of(*settled("b/"));
  settled("a/");
  open();
  {
    std::fstream file(torn, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('c');
  }
  const auto good = find("a/");
  const auto bad = find("b/");
  ASSERT_TRUE(good != nullptr && bad != nullptr);
  EXPECT_FALSE(good->file->proven.load());
  for (int i = 0; i < 3; ++i) {
    store_->disk()->prove(good);
    store_->disk()->prove(bad);
  }
  EXPECT_TRUE(eventually([&] { return good->file->proven.load() && find("b/") == nullptr && files() == 1; }));
  EXPECT_FALSE(bad->file->proven.load());
  EXPECT_EQ(store_->disk()->stats().read_failures, 1U);
}

// As in an upgrade: the elder writes until it lets go, and the younger reads what there is from its start on.
TEST_F(CacheDiskTest, IsSharedByTwoProcesses) {
  open();
  ASSERT_TRUE(put("a/1"));
  static_cast<void>(settled("a/1"));
  std::unique_ptr<CacheStore> younger = make();
  EXPECT_TRUE(eventually([&] { return younger->stats().entries == 1; })) << "it is read";
  EXPECT_FALSE(younger->disk()->accepts()) << "and the other one's";
  ASSERT_TRUE(put("a/2"));
  static_cast<void>(settled("a/2"));
  store_->let_go();
  EXPECT_TRUE(eventually([&] { return younger->disk()->accepts() && !younger->disk()->scanning(); }));
  EXPECT_EQ(younger->stats().entries, 2U) << "what was written since is found, too";
  EXPECT_FALSE(put("a/3")) << "the elder does not write any more";
  EXPECT_NE(find("a/1"), nullptr) << "but has what it had";
  EXPECT_EQ(body_of(*find("a/1")), "octets");
  std::swap(store_, younger);
  ASSERT_TRUE(put("a/4"));
  static_cast<void>(settled("a/4"));
  younger.reset();
  EXPECT_EQ(files(), 3U) << "the elder's end takes nothing along";
}

TEST_F(CacheDiskTest, DoesNotStoreWithoutItsDirectory) {
  std::ofstream(directory_ / "c") << "a file";
  store_ = make();
  EXPECT_FALSE(put("a/"));
  EXPECT_EQ(store_->stats().skipped, 1U);
  fs::remove(directory_ / "c");
  EXPECT_TRUE(eventually([&] { return put("a/"); })) << "as soon as it can be made";
}

TEST_F(CacheDiskTest, FailsToWriteAndGoesOn) {
  open();
  // A name that cannot be made: where its folder would be is a file.
  const std::string name = store_->disk()->new_file()->name;
  const unsigned next = (static_cast<unsigned>(std::stoul(name.substr(0, 2), nullptr, 16)) + 1) % 256;
  char folder[8];
  std::snprintf(folder, sizeof folder, "%02x", next);
  std::ofstream(directory_ / "c" / folder) << "in the way";
  ASSERT_TRUE(put("a/1"));
  EXPECT_TRUE(eventually([&] { return find("a/1") == nullptr; })) << "it is not stored after all";
  EXPECT_EQ(store_->disk()->stats().write_failures, 1U);
  EXPECT_EQ(store_->stats().octets, 0U);
  EXPECT_FALSE(store_->disk()->accepts()) << "for a moment";
  EXPECT_TRUE(eventually([&] { return put("a/2"); }));
  EXPECT_NE(settled("a/2"), nullptr);
}

TEST_F(CacheDiskTest, IsUsedByManyThreads) {
  open(1U << 20U, 4U << 20U);
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([this, number] {
      const http::FieldList none;
      for (unsigned i = 0; i < 400; ++i) {
        const std::string url = "a/" + std::to_string((i * 7 + number) % 97);
        const CacheKey key{.url = url, .selector = "", .request = none};
        const auto found = store_->find(key);
        if (found.entry != nullptr) {
          EXPECT_LE(found.entry->body_size(), 5100U);
        }
        const auto joined = store_->join(key, found.version, nullptr, false, {});
        if (joined.kind == Kind::lead) {
          auto entry = std::make_shared<CacheEntry>();
          entry->url = url;
          entry->body = CacheBody::make();
          entry->body->add_chunk(5000 + i % 100);
          entry->body->append(std::string(5000 + i % 100, 'x'));
          entry->body->finish(CacheBody::State::whole);
          store_->insert(entry, *joined.fill, 8);
          store_->release(*joined.fill);
        }
        if (i % 51 == 0) store_->purge({.prefix = "a/1", .soft = i % 2 == 0});
        if (i % 27 == 0) store_->purge({.url = url});
        if (found.entry != nullptr && i % 31 == 0) store_->remove(*found.entry);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(store_->stats().octets, std::size_t{1} << 20U);
  store_->purge({.prefix = "a/"});
  EXPECT_TRUE(eventually([&] { return files() == 0; })) << files();
  EXPECT_EQ(store_->stats().entries, 0U);
  EXPECT_EQ(store_->stats().octets, 0U);
  EXPECT_TRUE(eventually([&] { return store_->stats().memory == 0; })) << store_->stats().memory;
}

}  // namespace
}  // namespace edge::cache_disk_test
