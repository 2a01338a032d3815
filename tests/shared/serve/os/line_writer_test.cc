#include "shared/serve/os/line_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/unique_fd.h"

namespace shared::line_writer_test {
namespace {

// A pipe that takes little and that nobody reads until it is asked to.
struct Pipe {
  UniqueFd reading;
  UniqueFd writing;

  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reading = UniqueFd(ends[0]);
    writing = UniqueFd(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
  }

  // Until this has come; a line that tells what is missing may follow it.
  [[nodiscard]] std::string read_to(std::string_view end) const {
    std::string all;
    std::array<char, 4096> block{};
    while (all.find(end) == std::string::npos) {
      const ssize_t n = ::read(reading.get(), block.data(), block.size());
      if (n <= 0) break;
      all.append(block.data(), static_cast<std::size_t>(n));
    }
    return all;
  }
};

std::string missing(std::uint64_t lines) { return "missing " + std::to_string(lines) + "\n"; }

TEST(LineWriter, WritesAtOnceBeforeItsThreadStarts) {
  const Pipe pipe;
  LineWriter writer(pipe.writing.get(), missing);
  writer.write("one\n");
  EXPECT_EQ(pipe.read_to("one\n"), "one\n");
}

TEST(LineWriter, AFullPipeHoldsNobody) {
  const Pipe pipe;
  LineWriter writer(pipe.writing.get(), missing, 8192);
  writer.start();
  const std::string line = std::string(99, 'x') + "\n";
  for (int i = 0; i < 1000; ++i) writer.write(line);  // would never return if it waited
  EXPECT_GT(writer.dropped(), 0U);
  EXPECT_LT(writer.dropped(), 1000U);
  const std::uint64_t before = writer.dropped();
  std::thread reader([&] {
    const std::string all = pipe.read_to("the end\n");
    EXPECT_NE(all.find("missing "), std::string::npos);
    EXPECT_TRUE(all.starts_with(line));
  });
  std::uint64_t dropped = before;
  do {  // until the reader has made room
    dropped = writer.dropped();
    writer.write("the end\n");
  } while (writer.dropped() != dropped);
  writer.finish(seconds(60));
  reader.join();
}

TEST(LineWriter, EndsAlthoughNobodyReads) {
  const Pipe pipe;
  const std::string line = std::string(99, 'x') + "\n";
  {
    LineWriter writer(pipe.writing.get(), missing);
    writer.start();
    for (int i = 0; i < 1000; ++i) writer.write(line);
    writer.finish(milliseconds(1));
  }
  std::string all;  // the thread is still there, and ends when it can
  while (all.size() < 1000 * line.size()) {
    std::array<char, 4096> block{};
    const ssize_t n = ::read(pipe.reading.get(), block.data(), block.size());
    ASSERT_GT(n, 0);
    all.append(block.data(), static_cast<std::size_t>(n));
  }
}

// What it tells with dies with its thread.
TEST(LineWriter, ItsThreadEndsWithIt) {
  const Pipe pipe;
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> thread = held;
  {
    LineWriter writer(pipe.writing.get(), [held = std::move(held)](std::uint64_t lines) { return missing(lines); });
    writer.start();
    EXPECT_FALSE(thread.expired());
  }
  for (int i = 0; i < 3000 && !thread.expired(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(thread.expired());
}

// It waits for the reader in the middle of a line, and signals come meanwhile.
TEST(LineWriter, ASignalLosesNothing) {
  struct sigaction nothing{};
  struct sigaction before{};
  nothing.sa_handler = [](int) {};
  ::sigaction(SIGUSR2, &nothing, &before);
  const Pipe pipe;
  LineWriter writer(pipe.writing.get(), missing);
  const std::string line = std::string(20'000, 'x') + "\n";  // more than the pipe takes
  std::string all;
  std::thread reader([&, writing = ::pthread_self()] {
    for (int i = 0; i < 50; ++i) {
      ::pthread_kill(writing, SIGUSR2);
      std::this_thread::sleep_for(milliseconds(2));
    }
    all = pipe.read_to("\n");
  });
  writer.write(line);
  reader.join();
  ::sigaction(SIGUSR2, &before, nullptr);
  EXPECT_EQ(all, line);
  EXPECT_EQ(writer.dropped(), 0U);
}

TEST(LineWriter, AReaderThatHasLeftIsCountedAndNoDeath) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LineWriter writer(pipe.writing.get(), missing);
  writer.start();
  pipe.reading.reset();
  writer.write("unread\n");
  writer.finish(seconds(60));
  EXPECT_EQ(writer.dropped(), 1U);
}

// A file that may not grow stands for a full disk.
TEST(LineWriter, AFullDiskTearsOneLineAndSpoilsNoOther) {
  ::signal(SIGXFSZ, SIG_IGN);  // as the supervisor does
  std::string path = ::testing::TempDir() + "/meridian_lines_XXXXXX";
  const UniqueFd file(::mkstemp(path.data()));
  const std::string line = std::string(99, 'x') + "\n";
  LineWriter writer(file.get(), missing);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit narrow{150, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &narrow);
  for (int i = 0; i < 3; ++i) writer.write(line);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(writer.dropped(), 2U);
  writer.write("one\n");
  writer.start();
  writer.write("two\n");
  writer.finish(seconds(60));
  std::ifstream text(path);
  std::vector<std::string> lines;
  for (std::string one; std::getline(text, one);) lines.push_back(one);
  EXPECT_EQ(lines, (std::vector<std::string>{std::string(99, 'x'), std::string(50, 'x'), "one", "two", "missing 2"}));
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace shared::line_writer_test
