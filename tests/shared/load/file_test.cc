#include "shared/load/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace shared::load::file_test {
namespace {

class ReadFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("file_test." + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "file";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  [[nodiscard]] std::string reason(const FileRules& rules = {}) const {
    const auto text = read_file(path_, rules);
    return text ? "read" : text.error().message;
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(ReadFile, GivesEveryOctet) {
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 3000000U}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 >> 3);
    write(text);
    const auto read = read_file(path_);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(*read == text) << size << " octets: " << read->size();
  }
}

TEST_F(ReadFile, SaysWhyItCannot) {
  EXPECT_EQ(reason(), "No such file or directory");
  write(std::string(1 << 20, 'x'));
  EXPECT_EQ(reason({.largest = 1 << 20}), "read");
  write(std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(reason({.largest = 1 << 20}), "it is larger than 1 MiB");
  EXPECT_EQ(reason({.largest = 4096}), "it is larger than 4096 octets");
  path_ = folder_;
  EXPECT_EQ(reason(), "it is a folder, not a regular file");
  EXPECT_EQ(reason({.pipes = true}), "it is a folder, not a regular file");
}

TEST_F(ReadFile, NeverWaitsForAPipeUnlessItMay) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(reason(), "not a regular file");
  std::jthread writer([this] { write(std::string(200000, 'y')); });
  EXPECT_EQ(read_file(path_, {.pipes = true}).value(), std::string(200000, 'y'));
  writer.join();
  writer = std::jthread([this] { write(std::string(5000, 'y')); });
  EXPECT_EQ(reason({.largest = 4096, .pipes = true}), "it is larger than 4096 octets");
}

// Else an `include` of one would hold every reload after it.
TEST_F(ReadFile, WaitsForNoPipeForEver) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const FileRules rules{.pipes = true, .patience = std::chrono::milliseconds(50)};
  EXPECT_EQ(reason(rules), "a pipe that nobody has written to its end in time") << "nobody writes";
  const int writer = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  EXPECT_EQ(::write(writer, "part", 4), 4);
  EXPECT_EQ(reason(rules), "a pipe that nobody has written to its end in time") << "it stays open";
  ::close(writer);
}

// As `meridian check <(...)` has it: all was written, and its writer is gone.
TEST_F(ReadFile, ReadsWhatIsLeftInAPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::write(ends[1], "all", 3), 3);
  ::close(ends[1]);
  EXPECT_EQ(read_file("/dev/fd/" + std::to_string(ends[0]), {.pipes = true}).value(), "all");
  ::close(ends[0]);
  EXPECT_EQ(read_file("/dev/null", {.pipes = true}).value(), "");
}

TEST_F(ReadFile, TellsWhoElseMayReadOrChangeIt) {
  const struct {
    mode_t mode;
    bool open;
    bool writable;
  } cases[] = {{0600, false, false}, {0660, false, false}, {0644, true, false}, {0642, true, true}, {0666, true, true}};
  write("secret");
  for (const auto& [mode, open, writable] : cases) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_EQ(is_open_to_all(path_), open) << std::oct << mode;
    EXPECT_EQ(is_writable_by_all(path_), writable) << std::oct << mode;
  }
  EXPECT_FALSE(is_open_to_all(folder_ / "nothing"));
}

}  // namespace
}  // namespace shared::load::file_test
