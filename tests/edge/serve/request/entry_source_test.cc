#include "edge/serve/request/entry_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "tests/edge/serve/files/root.h"

namespace edge::entry_source_test {
namespace {

// A body of which the front is in a file, behind a front of 7 octets, and the rest in memory.
class EntrySourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; text_.size() < 600'000; ++i) text_ += std::to_string(i) + ",";
    root_.put("f", "front: ");
    file_->fd.reset(::open((root_.path() / "f").c_str(), O_RDWR));
    body_->spool_to(file_, 7);
  }
  void come(std::size_t octets) {
    while (octets > 0) {
      if (const std::size_t size = std::min<std::size_t>(body_->next_chunk(octets, 0), 64 * 1024); size > 0)
        body_->add_chunk(size);
      const std::size_t n = body_->append(std::string_view(text_).substr(body_->size(), octets));
      octets -= n;
    }
  }
  // All but the newest chunk goes from memory.
  void go_to_disk() {
    const std::string_view there = std::string_view(text_).substr(0, body_->size());
    ASSERT_EQ(::pwrite(file_->fd.get(), there.data(), there.size(), 7), static_cast<ssize_t>(there.size()));
    EXPECT_GT(body_->trim(there.size()), 0U);
  }
  EntrySource source(std::uint64_t from = 0, std::uint64_t size = EntrySource::kAll) {
    return {CacheBody::Cursor(body_), from, size, nullptr, {.thread = files_.disk(), .waiter = waiter_}};
  }
  BodyState read(EntrySource& source, std::size_t most = std::numeric_limits<std::size_t>::max()) {
    BodyPiece piece;
    EXPECT_TRUE(test::turn_until(loop_, [&] {
      while (most > 0) {
        piece = source.peek();
        if (piece.state != BodyState::data) return piece.state != BodyState::wait || !source.waits_for_disk();
        const std::size_t n = std::min<std::size_t>({piece.data.size(), most, 5000});
        read_.append(piece.data.substr(0, n));
        source.consume(n);
        most -= n;
      }
      return true;
    }));
    return piece.state;
  }

  test::Root root_;
  shared::WorkerLoop loop_;
  Waiter waiter_{loop_};
  OpenFiles files_{loop_};
  std::shared_ptr<OpenFile> file_ = std::make_shared<OpenFile>();
  std::shared_ptr<CacheBody> body_ = CacheBody::make();
  std::string text_;
  std::string read_;
};

TEST_F(EntrySourceTest, WhoIsBehindReadsTheFileAndThenTheChain) {
  EntrySource early = source();
  come(300'000);
  read(early, 1000);
  go_to_disk();
  EXPECT_EQ(read(early), BodyState::wait) << "all that has come";
  EXPECT_EQ(read_.size(), 300'000U);
  come(200'000);
  go_to_disk();
  come(100'000);
  body_->finish(CacheBody::State::whole);
  EXPECT_EQ(read(early), BodyState::end);
  EXPECT_TRUE(read_ == text_.substr(0, 600'000));
  read_.clear();
  EntrySource late = source();
  EXPECT_EQ(read(late), BodyState::end);
  EXPECT_TRUE(read_ == text_.substr(0, 600'000));
}

TEST_F(EntrySourceTest, ItGoesOnInTheFileWhereMoreHasGoneMeanwhile) {
  come(200'000);
  go_to_disk();
  EntrySource slow = source();
  read(slow, 50'000);
  come(300'000);
  go_to_disk();
  body_->finish(CacheBody::State::whole);
  EXPECT_EQ(read(slow), BodyState::end);
  EXPECT_TRUE(read_ == text_.substr(0, 500'000));
}

TEST_F(EntrySourceTest, PartsBeginAndEndAnywhere) {
  come(500'000);
  go_to_disk();
  body_->finish(CacheBody::State::whole);
  const std::uint64_t chain = body_->in_file().end;
  for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{70'001}, chain - 10, chain, chain + 10}) {
    read_.clear();
    EntrySource part = source(from, 20);
    EXPECT_EQ(read(part), BodyState::end);
    EXPECT_EQ(read_, text_.substr(from, 20)) << from;
  }
}

TEST_F(EntrySourceTest, WithoutTheFileItFailsForWhoIsBehind) {
  come(300'000);
  go_to_disk();
  EntrySource behind = source();
  body_->forget_file();
  EXPECT_EQ(read(behind), BodyState::failed);
  EXPECT_EQ(read_, "");
}

TEST_F(EntrySourceTest, AFileThatIsShorterThanItWasFails) {
  come(300'000);
  go_to_disk();
  EntrySource behind = source();
  ASSERT_EQ(::ftruncate(file_->fd.get(), 100'007), 0);
  EXPECT_EQ(read(behind), BodyState::failed);
  EXPECT_EQ(read_, text_.substr(0, 100'000));
}

TEST_F(EntrySourceTest, WhatWasCutIsNoEnd) {
  come(300'000);
  go_to_disk();
  body_->finish(CacheBody::State::cut);
  EntrySource whole = source();
  EXPECT_EQ(read(whole), BodyState::failed);
  EXPECT_EQ(read_.size(), 300'000U);
}

}  // namespace
}  // namespace edge::entry_source_test
