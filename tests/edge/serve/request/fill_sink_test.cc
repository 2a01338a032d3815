#include "edge/serve/request/fill_sink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "edge/serve/cache/desk.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/entry_source.h"
#include "tests/edge/core/cache/parsed.h"
#include "tests/edge/serve/files/root.h"

namespace edge::fill_sink_test {
namespace {

// A request of another worker that reads a fill to its end, `piece` octets at a time.
class FarReader {
 public:
  FarReader(std::shared_ptr<CacheFill> fill, std::size_t piece)
      : fill_(std::move(fill)), piece_(piece), thread_([this] { read(); }) {}
  ~FarReader() { thread_.join(); }
  FarReader(const FarReader&) = delete;
  FarReader& operator=(const FarReader&) = delete;

  [[nodiscard]] bool joined() const { return joined_.load(); }
  [[nodiscard]] bool began() const { return began_.load(); }
  [[nodiscard]] bool over() const { return over_.load(); }
  // REQUIRES: over().
  [[nodiscard]] const std::string& octets() const { return octets_; }
  [[nodiscard]] BodyState end() const { return end_; }

 private:
  void read() {
    shared::WorkerLoop loop;
    CacheDesk desk(loop);
    Waiter waiter(loop);
    OpenFiles files(loop);
    {
      const CacheDesk::Reader reader(desk, fill_, waiter);
      joined_ = true;
      while (fill_->look().phase == CacheFill::Phase::asking) loop.poll();
      if (const std::shared_ptr<CacheEntry> entry = fill_->look().entry) {
        EntrySource source(CacheBody::Cursor(entry->body), 0, EntrySource::kAll, fill_.get(),
                           {.thread = files.disk(), .waiter = waiter});
        began_ = true;
        while (end_ == BodyState::wait) take(source, loop);
      }
    }
    loop.poll();
    over_ = true;
  }
  void take(EntrySource& source, shared::WorkerLoop& loop) {
    const BodyPiece some = source.peek();
    if (some.state == BodyState::data) {
      const std::size_t n = std::min(some.data.size(), piece_);
      octets_.append(some.data.substr(0, n));
      source.consume(n);
    } else if (some.state == BodyState::wait) {
      loop.poll();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    } else {
      end_ = some.state;
    }
  }

  std::shared_ptr<CacheFill> fill_;
  const std::size_t piece_;
  std::string octets_;
  BodyState end_ = BodyState::wait;
  std::atomic<bool> joined_{false};
  std::atomic<bool> began_{false};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

// A fetch into a store on a disk whose memory is small.
class FillSinkTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kMemory = 8U << 20U;

  FillSinkTest() {
    rule_.max_object = 64U << 20U;
    store_.start();
    desk_.write(*fill_, waiter_);
    task_.start();
    for (int i = 0; text_.size() < 6'000'000; ++i) text_ += std::to_string(i) + std::string(100, '.');
  }
  ~FillSinkTest() override { desk_.cease(*fill_); }

  void SetUp() override {
    ASSERT_TRUE(test::turn_until(loop_, [&] { return store_.disk()->accepts() && !store_.disk()->scanning(); }));
  }

  CacheStore::Joined joined() {
    const CacheKey key{.url = "a/", .selector = "", .request = asked_.head.fields};
    return store_.join(key, store_.find(key).version, nullptr, background_, loop_.now());
  }
  std::shared_ptr<CacheFill> join() { return joined().fill; }
  FillSink::Of of() {
    return {.store = store_,
            .rule = std::make_shared<CacheRule>(rule_),
            .fill = fill_,
            .url = "a/",
            .selector = "",
            .request = asked_.head.fields,
            .loop = loop_};
  }
  static void begin(FillSink& sink, std::string_view fields) {
    const ParsedResponse said(fields);
    http::ResponseFraming framing;
    framing.body = {http::BodyKind::chunked, 0};
    sink.start(said.head, framing, HeaderRules{});
  }
  // As a relay: who was not let on goes on when it is woken, and not before.
  void bring(FillSink& sink, std::string_view octets) {
    while (!octets.empty()) {
      const int before = wakes_;
      octets.remove_prefix(sink.write(octets.substr(0, 50'000)));
      static_cast<void>(sink.flush());
      loop_.poll();
      const bool goes_on = !sink.blocked() || test::turn_until(loop_, [&] { return wakes_ != before; });
      ASSERT_TRUE(goes_on) << octets.size();
    }
  }
  std::shared_ptr<CacheEntry> stored() {
    return store_.find({.url = "a/", .selector = "", .request = asked_.head.fields}).entry;
  }
  Task<> count() {
    while (true) {
      co_await waiter_.until(shared::TimePoint::max());
      ++wakes_;
    }
  }

  test::Root root_;
  shared::WorkerLoop loop_;
  CacheDesk desk_{loop_};
  Waiter waiter_{loop_};
  CacheStore store_{{.name = "main", .capacity = 256U << 20U, .disk = (root_.path() / "c").string(), .memory = kMemory},
                    7};
  CacheRule rule_;
  const ParsedRequest asked_{""};
  bool background_ = false;
  std::shared_ptr<CacheFill> fill_ = join();
  int wakes_ = 0;
  Task<> task_ = count();
  std::string text_;
};

TEST_F(FillSinkTest, ALargeBodyIsReadByAllWhileItGoesToTheDisk) {
  const FarReader quick(fill_, 1U << 20U);
  const FarReader slow(fill_, 3000);
  FillSink sink(of());
  ASSERT_TRUE(test::turn_until(loop_, [&] { return quick.joined() && slow.joined(); }));
  begin(sink, "Cache-Control: max-age=60\r\n");
  bring(sink, text_);
  EXPECT_LE(store_.stats().memory, kMemory);
  sink.end({});
  EXPECT_TRUE(test::turn_until(loop_, [&] { return stored() != nullptr && quick.over() && slow.over(); }));
  EXPECT_EQ(quick.end(), BodyState::end);
  EXPECT_EQ(slow.end(), BodyState::end);
  EXPECT_TRUE(quick.octets() == text_ && slow.octets() == text_);
  EXPECT_EQ(stored()->body_size(), text_.size());
  EXPECT_EQ(stored()->body, nullptr);
}

TEST_F(FillSinkTest, OneThatTurnsOutTooLargeGoesOnToWhoReadsIt) {
  rule_.max_object = 2'000'000;
  const FarReader quick(fill_, 1U << 20U);
  const FarReader slow(fill_, 3000);
  FillSink sink(of());
  ASSERT_TRUE(test::turn_until(loop_, [&] { return quick.joined() && slow.joined(); }));
  begin(sink, "Cache-Control: max-age=60\r\n");
  ASSERT_TRUE(test::turn_until(loop_, [&] { return quick.began() && slow.began(); }));
  bring(sink, text_);
  EXPECT_FALSE(sink.stores());
  sink.end({});
  EXPECT_TRUE(test::turn_until(loop_, [&] { return quick.over() && slow.over(); }));
  EXPECT_EQ(quick.end(), BodyState::end);
  EXPECT_EQ(slow.end(), BodyState::end);
  EXPECT_TRUE(quick.octets() == text_ && slow.octets() == text_);
  EXPECT_TRUE(test::turn_until(loop_, [&] { return store_.stats().octets == 0 && store_.stats().memory == 0; }));
  EXPECT_EQ(stored(), nullptr);
  EXPECT_EQ(joined().kind, CacheStore::Joined::Kind::alone) << "the next one is not waited for";
}

// It fills its window for nobody, and wakes its fetch to hear that.
TEST_F(FillSinkTest, WhatIsForTheStoreAndNotStoredIsUseless) {
  store_.release(*fill_);
  desk_.cease(*fill_);
  background_ = true;
  fill_ = join();
  desk_.write(*fill_, waiter_);
  FillSink sink(of());
  begin(sink, "Cache-Control: private\r\n");
  EXPECT_FALSE(sink.useless()) << "what is small comes to its end";
  std::string_view left = text_;
  while (!sink.blocked() && !left.empty()) left.remove_prefix(sink.write(left.substr(0, 10'000)));
  EXPECT_TRUE(sink.useless());
  EXPECT_TRUE(test::turn_until(loop_, [&] { return wakes_ > 0; }));
  sink.cut();
}

TEST_F(FillSinkTest, WhatIsStoredOrHasAReaderIsNotUseless) {
  FillSink sink(of());
  begin(sink, "Cache-Control: private\r\n");
  std::string_view left = text_;
  while (!sink.blocked() && !left.empty()) left.remove_prefix(sink.write(left.substr(0, 10'000)));
  EXPECT_TRUE(sink.blocked());
  EXPECT_FALSE(sink.useless()) << "somebody has caused it";
  sink.cut();
}

}  // namespace
}  // namespace edge::fill_sink_test
