#include "edge/serve/files/file_body.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/edge/serve/files/root.h"

namespace edge::file_body_test {
namespace {

class FileBodyTest : public ::testing::Test {
 protected:
  FileBody::Of of(const std::string& text) {
    root_.put("f", text);
    const FileName name{.root = root_.path().string(), .name = "f"};
    const OpenedFile opened = open_cold(name);
    EXPECT_EQ(opened.kind, OpenedFile::Kind::file);
    return {.file = opened.file, .facts = opened.file->facts, .disk = files_.disk(), .waiter = waiter_};
  }
  // Until its end; what came is in read_.
  BodyState read(FileBody& body) {
    BodyPiece piece;
    const auto step = [&] {
      piece = body.peek();
      if (piece.state != BodyState::data) return piece.state != BodyState::wait;
      const std::size_t n = std::min<std::size_t>(piece.data.size(), 5000);
      read_.append(piece.data.substr(0, n));
      body.consume(n);
      return false;
    };
    EXPECT_TRUE(test::turn_until(loop_, [&] {
      for (int i = 0; i < 100; ++i) {
        if (step()) return true;
        if (piece.state == BodyState::wait) return false;
      }
      return false;
    }));
    return piece.state;
  }

  test::Root root_;
  shared::WorkerLoop loop_;
  Waiter waiter_{loop_};
  OpenFiles files_{loop_};
  std::string read_;
};

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

TEST_F(FileBodyTest, PartsOfTheFileAndTextBetweenThem) {
  const std::string text = text_of(300'000);
  FileBody body(of(text));
  body.add("head ");
  body.add(ByteRange{.begin = 10, .end = 200'000});
  body.add(" between ");
  body.add(ByteRange{.begin = 299'999, .end = 300'000});
  EXPECT_EQ(read(body), BodyState::end);
  EXPECT_EQ(read_, "head " + text.substr(10, 199'990) + " between " + text.substr(299'999));
}

TEST_F(FileBodyTest, OctetsThatAreHeldAreNotReadOnceMore) {
  FileBody::Of held = of(text_of(1000));
  held.octets = std::make_shared<const std::string>(std::string(1000, 'h'));
  FileBody body(held);
  body.add("head ");
  body.add(ByteRange{.begin = 10, .end = 20});
  body.add(ByteRange{.begin = 990, .end = 1000});
  EXPECT_FALSE(body.large());
  EXPECT_EQ(read(body), BodyState::end);
  EXPECT_EQ(read_, "head " + std::string(20, 'h'));
}

TEST_F(FileBodyTest, NothingIsAnEnd) {
  FileBody body(of(""));
  EXPECT_EQ(body.peek().state, BodyState::end);
  EXPECT_FALSE(body.large());
}

TEST_F(FileBodyTest, AFileThatShrinksFailsBeforeItsEnd) {
  FileBody body(of(text_of(500'000)));
  body.add(ByteRange{.begin = 0, .end = 500'000});
  const BodyPiece first = body.peek();
  if (first.state == BodyState::data) body.consume(first.data.size());
  ASSERT_EQ(::truncate((root_.path() / "f").c_str(), 1000), 0);
  EXPECT_EQ(read(body), BodyState::failed);
  EXPECT_LT(read_.size(), 500'000U);
  EXPECT_EQ(body.peek().state, BodyState::failed) << "for good";
}

TEST_F(FileBodyTest, AFileThatIsWrittenToFails) {
  FileBody body(of(text_of(500'000)));
  body.add(ByteRange{.begin = 0, .end = 500'000});
  const int fd = ::open((root_.path() / "f").c_str(), O_WRONLY);
  // Within one step of the file system's clock a write would leave no trace.
  struct stat before{};
  struct stat after{};
  ::fstat(fd, &before);
  do {
    ASSERT_EQ(::pwrite(fd, "x", 1, 400'000), 1);
    ::fstat(fd, &after);
  } while (before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  ::close(fd);
  EXPECT_EQ(read(body), BodyState::failed);
  EXPECT_EQ(read_, "");
}

TEST_F(FileBodyTest, OnlyLargePartsAreWorthASendfile) {
  FileBody small(of(text_of(60'000)));
  small.add(ByteRange{.begin = 0, .end = 60'000});
  EXPECT_FALSE(small.worth_direct());
  FileBody large(of(text_of(500'000)));
  large.add(ByteRange{.begin = 0, .end = 500'000});
  EXPECT_TRUE(large.worth_direct());
}

}  // namespace
}  // namespace edge::file_body_test
