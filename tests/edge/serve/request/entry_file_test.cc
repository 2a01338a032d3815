// EntryFile: what is answered from a cache's file, and what becomes of an answer whose file is not what it was.
#include "edge/serve/request/entry_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/edge/serve/request/cached_worker.h"

namespace edge::test::entry_file_test {
namespace {

constexpr std::string_view kFresh = "Cache-Control: max-age=600\r\nETag: \"a\"\r\n";

struct Folder {
  Root root;
};

class EntryFileTest : public ::testing::Test, private Folder, protected CachedWorker {
 protected:
  EntryFileTest() : CachedWorker("HTTP/1.1", {.name = "main", .disk = (root.path() / "c").string()}) {
    stores_.start();
    for (int i = 0; text_.size() < 100'000; ++i) text_ += std::to_string(i) + " ";
  }
  void SetUp() override {
    ASSERT_TRUE(turn_until(worker_.loop, [&] { return disk().accepts() && !disk().scanning(); }));
  }
  CacheDisk& disk() { return *stores_.at(0)->disk(); }
  // It is stored, and what is stored is in its file alone.
  void store(const std::string& path) {
    fetched(get(path), answer(kFresh, text_));
    ASSERT_TRUE(turn_until(
        worker_.loop, [&] { return disk().stats().written == 1 && stores_.at(0)->stats().memory < text_.size(); }));
  }
  ClientPtr from_file(const std::string& request) {
    ClientPtr client = ask(request);
    EXPECT_TRUE(over(*client)) << request;
    EXPECT_EQ(server().heard(), "") << request;
    EXPECT_EQ(client->sink.starts, 1);
    EXPECT_EQ(client->sink.ends, 1);
    return client;
  }
  // Of every file of the store.
  template <class Change>
  void change_files(Change change) {
    for (const auto& one : std::filesystem::recursive_directory_iterator(root.path() / "c")) {
      if (one.is_regular_file() && one.file_size() > text_.size()) change(one.path());
    }
  }
  // What is stored is not what it was: a server is asked, and what it says is stored anew.
  void is_fetched_anew(const std::string& path) {
    ClientPtr client = ask(get(path));
    std::string heard;
    ASSERT_TRUE(turn_until(worker_.loop, [&] { return !(heard += server().heard()).empty(); }));
    EXPECT_EQ(heard.find("If-None-Match"), std::string::npos) << "there is nothing to be validated";
    server().say(answer(kFresh, "news"));
    EXPECT_TRUE(over(*client));
    EXPECT_EQ(client->sink.status, 200);
    EXPECT_EQ(client->sink.body, "news");
    EXPECT_FALSE(client->sink.was_cut);
    EXPECT_EQ(count(CacheVerdict::hit), 0U);
  }

  std::string text_;
};

TEST_F(EntryFileTest, AHitIsReadFromIt) {
  store("/a");
  const ClientPtr whole = from_file(get("/a"));
  EXPECT_TRUE(whole->sink.body == text_);
  EXPECT_EQ(whole->sink.framed, (http::Body{http::BodyKind::length, text_.size()}));
  EXPECT_TRUE(whole->cache().starts_with("meridian; hit; ttl=")) << whole->cache();
  const ClientPtr part = from_file(get("/a", "Range: bytes=70000-70009\r\n"));
  EXPECT_EQ(part->sink.status, 206);
  EXPECT_EQ(part->sink.body, text_.substr(70'000, 10));
  EXPECT_EQ(from_file(head_of("/a"))->sink.field("Content-Length"), std::to_string(text_.size()));
  EXPECT_EQ(from_file(get("/a", "If-None-Match: \"a\"\r\n"))->sink.status, 304);
  EXPECT_EQ(count(CacheVerdict::hit), 4U);
}

TEST_F(EntryFileTest, ItsReaderIsWaitedFor) {
  store("/a");
  ClientPtr slow = ask(get("/a"), 50'000);
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return slow->sink.room == 0; }));
  slow->sink.room = 1 << 20;
  slow->served.waiter().wake();
  EXPECT_TRUE(over(*slow));
  EXPECT_TRUE(slow->sink.body == text_);
  EXPECT_EQ(slow->sink.ends, 1);
}

TEST_F(EntryFileTest, OneThatHasGoneIsAMiss) {
  store("/a");
  change_files([](const auto& file) { std::filesystem::remove(file); });
  is_fetched_anew("/a");
}

TEST_F(EntryFileTest, OneThatIsShorterIsAMiss) {
  store("/a");
  change_files([](const auto& file) { std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1); });
  is_fetched_anew("/a");
}

}  // namespace
}  // namespace edge::test::entry_file_test
