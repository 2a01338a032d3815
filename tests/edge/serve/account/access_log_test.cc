#include "edge/serve/account/access_log.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "shared/serve/os/log.h"
#include "shared/serve/os/unique_fd.h"
#include "tests/edge/serve/harness.h"

namespace edge::test::access_log_test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(AccessLog, ALineForEachRequestWithItsReason) {
  const auto path = std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".log");
  {
    auto log = AccessLog::open(path.string(), 1);
    ASSERT_TRUE(log.has_value());
    Backend backend(answering(ok("hello")));
    Edge edge({backend.endpoint()});
    edge.lane = &(*log)->lane(0);
    edge.pool.when_all_down = WhenAllDown::refuse;
    edge.start();
    Conn client = edge.client();
    client.send(get("/a%22b"));
    client.read_head();
    client.read_exactly(5);
    edge.live.server(ServerId{0}).state.set_health(shared::HealthState::down);
    client.send(get("/down"));
    client.read_head();
    Conn broken = edge.client();
    broken.send("nonsense\r\n\r\n");
    broken.read_to_end();
    EXPECT_TRUE(eventually([&] { return edge.worker->counters().responses[4].read() == 1; }));
  }
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::filesystem::remove(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(has(lines[0], "\"status\":200") && has(lines[0], "\"route\":\"all\"") && has(lines[0], "\"attempts\":1"));
  EXPECT_TRUE(has(lines[1], "\"status\":503") && has(lines[1], "no usable server")) << lines[1];
  EXPECT_TRUE(has(lines[2], "\"status\":400")) << lines[2];
}

TEST(AccessLog, TimesAreUtcAndTextsAreEscaped) {
  AccessRecord record;
  record.time = shared::WallTime(std::chrono::milliseconds(1'709'210'045'007));  // of a leap day
  record.path = "a\"b\\c\x01\xE9z";
  record.host = "\x7F";
  const std::string line = format_access(record);
  EXPECT_TRUE(line.starts_with(R"({"time":"2024-02-29T12:34:05.007Z",)")) << line;
  EXPECT_TRUE(has(line, R"("path":"a\"b\\c\u0001\u00e9z")")) << line;
  EXPECT_TRUE(has(line, R"("host":"\u007f")")) << line;
  record.time = shared::WallTime(std::chrono::milliseconds(1'735'689'599'999));
  EXPECT_TRUE(format_access(record).starts_with(R"({"time":"2024-12-31T23:59:59.999Z",)"));
}

TEST(AccessLog, ATunnelOfDaysHasItsTimes) {
  AccessRecord record;
  record.first_byte_us = 5'000'000'000;
  record.total_us = 400'000'000'000;
  const std::string line = format_access(record);
  EXPECT_TRUE(has(line, R"("first_byte_us":5000000000,)")) << line;
  EXPECT_TRUE(has(line, R"("total_us":400000000000,)")) << line;
}

TEST(AccessLog, SaysWhatARequestWaitedForAPlace) {
  AccessRecord record;
  EXPECT_FALSE(has(format_access(record), "queued_us"));
  record.queued_us = 1500;
  EXPECT_TRUE(has(format_access(record), R"(,"queued_us":1500,)")) << format_access(record);
}

TEST(AccessLog, SaysOfWhatIsNotAlwaysThereOnlyWhatIs) {
  const std::vector<std::pair<std::string, std::string_view AccessRecord::*>> some{
      {"user", &AccessRecord::user},     {"trace", &AccessRecord::trace}, {"reason", &AccessRecord::reason},
      {"tunnel", &AccessRecord::tunnel}, {"cache", &AccessRecord::cache}, {"session", &AccessRecord::session}};
  const AccessRecord nothing;
  for (const auto& [key, member] : some) {
    EXPECT_FALSE(has(format_access(nothing), "\"" + key + "\":")) << key;
    AccessRecord record;
    record.*member = "told";
    EXPECT_TRUE(has(format_access(record), ",\"" + key + "\":\"told\"")) << key;
  }
}

TEST(AccessLog, HasTheFieldsThatAreWantedTheFirstOfEach) {
  http::FieldList fields;
  ASSERT_TRUE(fields.push({"User-Agent", "curl \"x\"", http::FieldId::user_agent}));
  ASSERT_TRUE(fields.push({"User-Agent", "another", http::FieldId::user_agent}));
  ASSERT_TRUE(fields.push({"X-Other", "a\x01", http::FieldId::other}));
  const AccessLogSettings more{.query = true,
                               .fields = {{"User-Agent", "user_agent", http::FieldId::user_agent},
                                          {"Referer", "referer", http::FieldId::other},
                                          {"x-other", "x_other", http::FieldId::other}}};
  AccessRecord record;
  record.fields = &fields;
  EXPECT_FALSE(has(format_access(record), "user_agent"));
  record.more = &more;
  record.query = "?a=b\"c";
  const std::string line = format_access(record);
  EXPECT_TRUE(line.ends_with(R"(,"query":"a=b\"c","user_agent":"curl \"x\"","x_other":"a\u0001"})"
                             "\n"))
      << line;
}

TEST(AccessLog, AFullLaneDropsAndCounts) {
  AccessLane lane;
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  for (int i = 0; i < 2000; ++i) lane.write(record);
  EXPECT_GT(lane.dropped(), 0U);
}

// A FIFO, and a reader of it that comes and goes.
struct Fifo {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".fifo");
  shared::UniqueFd reader;

  Fifo() {
    std::filesystem::remove(path);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  }
  ~Fifo() { std::filesystem::remove(path); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  void open() { reader = shared::UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }
  std::string read() const {
    std::string text(1 << 20, '\0');
    const ssize_t n = ::read(reader.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
};

TEST(AccessLog, AFifoWithoutAReaderHoldsNeitherTheStartNorALine) {
  const shared::LogCapture said;
  Fifo fifo;
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  record.path = "/kept";
  (*log)->lane(0).write(record);
  fifo.open();
  std::string text;
  EXPECT_TRUE(eventually([&] { return has(text += fifo.read(), "/kept"); }));
  EXPECT_TRUE(said.lines().empty()) << "that nobody reads yet is no error";
}

// What is carried nowhere stays in its lane, which is bounded.
TEST(AccessLog, AFifoWithoutAReaderCostsNoMoreThanALane) {
  Fifo fifo;
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  // In small portions: each would fit into a lane that is emptied.
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) (*log)->lane(0).write(record);
    return (*log)->dropped() > 0;
  }));
}

TEST(AccessLog, AFileThatIsMovedAwayLosesNothing) {
  const auto path = std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".log");
  std::filesystem::remove(path);
  auto log = AccessLog::open(path.string(), 1);
  ASSERT_TRUE(log.has_value());
  const auto write = [&](std::string_view what) {
    AccessRecord record;
    record.path = what;
    (*log)->lane(0).write(record);
  };
  const auto reopen = [&] {
    std::atomic<bool> reopened{false};
    (*log)->reopen([&](const shared::Result<void>& done) { reopened = done.has_value(); });
    EXPECT_TRUE(eventually([&] { return reopened.load(); }));
  };
  const auto text = [](const std::filesystem::path& file) {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  write("/one");
  EXPECT_TRUE(eventually([&] { return has(text(path), "/one"); }));
  reopen();  // the same file: nobody has moved it
  const auto moved = std::filesystem::path(path.string() + ".1");
  std::filesystem::rename(path, moved);
  write("/two");
  reopen();
  write("/three");
  EXPECT_TRUE(eventually([&] { return has(text(path), "/three"); }));
  EXPECT_TRUE(has(text(moved) + text(path), "/two"));
  EXPECT_FALSE(has(text(moved), "/three"));
  EXPECT_EQ((*log)->dropped(), 0U);
  std::filesystem::remove(path);
  std::filesystem::remove(moved);
}

// Files may not grow over so many octets: a disk that is full.
struct FullAt {
  explicit FullAt(rlim_t octets) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    before_signal = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit bounded{.rlim_cur = octets, .rlim_max = before.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &bounded), 0);
  }
  ~FullAt() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, before_signal);
  }
  FullAt(const FullAt&) = delete;
  FullAt& operator=(const FullAt&) = delete;

  rlimit before{};
  void (*before_signal)(int) = nullptr;
};

TEST(AccessLog, ADiskThatWasFullGetsTheRestOfTheLineWhenItHasRoom) {
  const shared::LogCapture said;
  const auto path = std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".log");
  std::filesystem::remove(path);
  auto log = AccessLog::open(path.string(), 1);
  ASSERT_TRUE(log.has_value());
  const auto text = [&] {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto reopen = [&] {
    std::atomic<bool> reopened{false};
    (*log)->reopen([&](const shared::Result<void>& done) { reopened = done.has_value(); });
    EXPECT_TRUE(eventually([&] { return reopened.load(); }));
  };
  AccessRecord record;
  record.path = "/first";
  std::string whole;
  {
    const FullAt full(format_access(record).size() + 20);
    for (const char* one : {"/first", "/second", "/third"}) {
      record.path = one;
      whole += format_access(record);
      (*log)->lane(0).write(record);
    }
    EXPECT_TRUE(eventually([&] { return said.contains("event=access_log_not_written"); }));
    reopen();  // the same file: what it has of the second line is not the end of it
    reopen();
    EXPECT_EQ(text(), whole.substr(0, text().size()));
    EXPECT_LT(text().size(), whole.size());
  }
  EXPECT_TRUE(eventually([&] { return text().size() == whole.size(); })) << text();
  EXPECT_EQ(text(), whole);
  EXPECT_EQ((*log)->dropped(), 0U);
  EXPECT_TRUE(eventually([&] { return said.contains("event=access_log_written"); }));
  const auto complaints = std::ranges::count_if(
      said.lines(), [](const std::string& line) { return has(line, "event=access_log_not_written"); });
  EXPECT_EQ(complaints, 1) << "and not once for each try";
  log->reset();
  std::filesystem::remove(path);
}

TEST(AccessLog, AReaderThatStopsHoldsNobody) {
  Fifo fifo;
  fifo.open();
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  std::string first;
  (*log)->lane(0).write(record);
  ASSERT_TRUE(eventually([&] { return !(first += fifo.read()).empty(); }));
  for (int i = 0; i < 3000; ++i) (*log)->lane(0).write(record);  // more than a pipe and the lane take
  EXPECT_GT((*log)->dropped(), 0U);
  std::atomic<bool> reopened{false};
  (*log)->reopen([&](const shared::Result<void>& done) { reopened = done.has_value(); });
  EXPECT_TRUE(eventually([&] { return reopened.load(); }));
  log->reset();  // returns, although what is left is never read
}

TEST(AccessLog, AReaderThatComesBackGetsWholeLines) {
  Fifo fifo;
  fifo.open();
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  for (int i = 0; i < 500; ++i) (*log)->lane(0).write(record);  // a pipe takes 64 KiB: the last line is cut
  std::string text;
  ASSERT_TRUE(eventually([&] { return text.size() > 0 || (text += fifo.read()).size() > 0; }));
  fifo.reader.reset();
  EXPECT_TRUE(eventually([&] { return (*log)->dropped() > 0; }));
  fifo.open();
  text.clear();
  EXPECT_TRUE(eventually([&] { return (text += fifo.read()).size() > 4096; }));
  EXPECT_TRUE(text.starts_with("{\"time\"")) << text.substr(0, 80);
}

TEST(AccessLog, AFileThatCannotBeOpenedIsAnErrorOfTheStart) {
  EXPECT_FALSE(AccessLog::open("/nowhere/access.log", 1).has_value());
}

}  // namespace
}  // namespace edge::test::access_log_test
