#include "edge/serve/request/file_answer.h"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/core/content/mime_types.h"
#include "tests/edge/serve/fakes.h"
#include "tests/edge/serve/files/root.h"

namespace edge::test::file_answer_test {
namespace {

class FileAnswerTest : public testing::Test {
 protected:
  FileAnswerTest() {
    files_.root = root_.path().string();
    files_.index = {"index.html"};
    files_.types = std::make_shared<const MimeTypes>();
  }
  // A file that is old enough for a strong tag.
  void put(const std::string& name, std::string_view text, int minutes_old = 60) {
    root_.put(name, text);
    std::filesystem::last_write_time(root_.path() / name,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::minutes(minutes_old));
  }
  FakeWorker& worker() {
    if (made_ == nullptr) {
      made_ = std::make_unique<FakeWorker>();
      made_->routes.clear();
      made_->add_route("/", files_);
    }
    return *made_;
  }
  FakeSink asked(const std::string& request) {
    FakeSource source(request);
    FakeSink sink;
    Served served(worker(), source, sink);
    EXPECT_TRUE(turn_until(worker().loop, [&] { return served.done(); })) << request;
    EXPECT_EQ(sink.starts, 1) << request;
    return sink;
  }
  FakeSink get_file(const std::string& path, const std::string& more = "") { return asked(get(path, more)); }
  std::uint64_t counted() { return worker().context().counters.files.read(); }

  Root root_;
  StaticFiles files_;
  std::unique_ptr<FakeWorker> made_;
};

TEST_F(FileAnswerTest, AFileHasItsFieldsAndItsOctets) {
  files_.cache_control = "max-age=60";
  put("a.css", "body {}");
  const FakeSink got = get_file("/a.css");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "body {}");
  EXPECT_EQ(got.ends, 1);
  EXPECT_EQ(got.framed.length, 7U);
  EXPECT_EQ(got.field("Content-Length"), "7");
  EXPECT_EQ(got.field("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(got.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(got.field("Accept-Ranges"), "bytes");
  EXPECT_EQ(got.field("Cache-Control"), "max-age=60");
  EXPECT_TRUE(got.field("ETag").starts_with('"')) << got.field("ETag");
  EXPECT_TRUE(got.field("Last-Modified").ends_with(" GMT"));
  for (const char* none : {"Vary", "Content-Encoding", "Content-Range", "RateLimit"}) EXPECT_EQ(got.field(none), "");
  EXPECT_EQ(counted(), 1U);
  const FakeSink head = asked("HEAD /a.css HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.field("Content-Length"), "7");
  EXPECT_EQ(head.field("ETag"), got.field("ETag"));
  EXPECT_EQ(counted(), 2U);
}

TEST_F(FileAnswerTest, AnEmptyFileIsOne) {
  put("empty", "");
  const FakeSink got = get_file("/empty");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.field("Content-Length"), "0");
  EXPECT_EQ(got.field("Content-Type"), "application/octet-stream");
  EXPECT_EQ(got.ends, 1);
}

TEST_F(FileAnswerTest, DirectoriesAndTheirIndex) {
  put("index.html", "top");
  put("d/index.html", "below");
  put("bare/a", "x");
  EXPECT_EQ(get_file("/").body, "top");
  EXPECT_EQ(get_file("/d/").body, "below");
  const FakeSink moved = get_file("/d?q=1");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(moved.location, "/d/?q=1");
  EXPECT_EQ(get_file("/bare/").status, 404);
  EXPECT_EQ(get_file("/nothing").status, 404);
  EXPECT_EQ(get_file("/index.html/").status, 404) << "a file is no directory";
}

TEST_F(FileAnswerTest, TheIndexesAreLookedForInTheirOrder) {
  files_.index = {"first.html", "second.html"};
  put("a/second.html", "2");
  put("b/first.html", "1");
  put("b/second.html", "2");
  EXPECT_EQ(get_file("/a/").body, "2");
  EXPECT_EQ(get_file("/b/").body, "1");
}

TEST_F(FileAnswerTest, WhatIsNotThereMayHaveAFallback) {
  files_.fallback = "app.html";
  put("app.html", "app");
  put("a.txt", "a");
  put("d/x", "x");
  EXPECT_EQ(get_file("/a.txt").body, "a");
  const FakeSink got = get_file("/some/page");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "app");
  EXPECT_EQ(got.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(get_file("/d").status, 301) << "a directory is there";
  EXPECT_EQ(get_file("/d/").body, "app");
  std::filesystem::remove(root_.path() / "app.html");
  std::filesystem::create_directory(root_.path() / "app.html");
  made_.reset();
  EXPECT_EQ(get_file("/some/page").status, 404) << "a directory is no page";
}

TEST_F(FileAnswerTest, ConditionsHold) {
  put("a", "hello");
  const FakeSink first = get_file("/a");
  const FakeSink same = get_file("/a", "If-None-Match: " + first.field("ETag") + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.field("ETag"), first.field("ETag"));
  for (const char* none : {"Content-Length", "Content-Type", "Accept-Ranges", "X-Content-Type-Options"})
    EXPECT_EQ(same.field(none), "") << none;
  EXPECT_EQ(get_file("/a", "If-Modified-Since: " + first.field("Last-Modified") + "\r\n").status, 304);
  EXPECT_EQ(get_file("/a", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n").status, 200);
  EXPECT_EQ(get_file("/a", "If-Match: \"another\"\r\n").status, 412);
  EXPECT_EQ(get_file("/a", "If-Match: " + first.field("ETag") + "\r\n").body, "hello");
}

TEST_F(FileAnswerTest, PartsOfIt) {
  put("a.txt", "0123456789");
  const FakeSink one = get_file("/a.txt", "Range: bytes=2-4\r\n");
  EXPECT_EQ(one.status, 206);
  EXPECT_EQ(one.body, "234");
  EXPECT_EQ(one.field("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(one.field("Content-Length"), "3");
  EXPECT_EQ(one.field("Content-Type"), "text/plain; charset=utf-8");
  const FakeSink none = get_file("/a.txt", "Range: bytes=10-\r\n");
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.field("Content-Range"), "bytes */10");
  EXPECT_EQ(none.field("Content-Type"), "");
  EXPECT_EQ(none.body, "");
  // Such as lie close to each other are sent as one.
  put("large.txt", "01" + std::string(996, '.') + "89");
  const FakeSink several = get_file("/large.txt", "Range: bytes=0-1,998-999\r\n");
  EXPECT_EQ(several.status, 206);
  const std::string type = several.field("Content-Type");
  ASSERT_TRUE(type.starts_with("multipart/byteranges; boundary=")) << type;
  const std::string boundary = type.substr(type.find('=') + 1);
  EXPECT_EQ(several.field("Content-Length"), std::to_string(several.body.size()));
  EXPECT_EQ(several.framed.length, several.body.size());
  EXPECT_TRUE(several.body.find("Content-Range: bytes 0-1/1000\r\n\r\n01\r\n--" + boundary) != std::string::npos)
      << several.body;
  EXPECT_TRUE(several.body.find("Content-Range: bytes 998-999/1000\r\n\r\n89\r\n--" + boundary + "--") !=
              std::string::npos)
      << several.body;
  EXPECT_EQ(several.field("Content-Range"), "");
  EXPECT_NE(get_file("/large.txt", "Range: bytes=0-1,998-999\r\n").field("Content-Type"), type)
      << "each has its own boundary";
}

TEST_F(FileAnswerTest, VariantsThatAreCompressedAlready) {
  files_.precompressed = {Coding::br, Coding::gzip};
  put("a.txt", "plain");
  put("a.txt.gz", "gzipped");
  put("a.txt.br", "br");
  put("old.txt", "plain", 10);
  put("old.txt.gz", "of another", 20);
  const auto sent = [&](const std::string& path, const std::string& accept) {
    const FakeSink got = get_file(path, accept.empty() ? "" : "Accept-Encoding: " + accept + "\r\n");
    EXPECT_EQ(got.field("Vary"), "Accept-Encoding");
    EXPECT_EQ(got.field("Content-Type"), "text/plain; charset=utf-8") << "of the file, not of its variant";
    return std::pair(got.body, got.field("Content-Encoding"));
  };
  using Sent = std::pair<std::string, std::string>;
  EXPECT_EQ(sent("/a.txt", ""), (Sent{"plain", ""}));
  EXPECT_EQ(sent("/a.txt", "gzip"), (Sent{"gzipped", "gzip"}));
  EXPECT_EQ(sent("/a.txt", "gzip, br"), (Sent{"br", "br"})) << "the first that the file's owner names";
  EXPECT_EQ(sent("/a.txt", "gzip, br;q=0.5"), (Sent{"gzipped", "gzip"})) << "which the client likes better";
  EXPECT_EQ(sent("/a.txt", "gzip;q=0.5, identity"), (Sent{"plain", ""}));
  EXPECT_EQ(sent("/a.txt", "gzip;q=0"), (Sent{"plain", ""}));
  EXPECT_EQ(sent("/old.txt", "gzip"), (Sent{"plain", ""})) << "it was made of another one";
  const std::string plain = get_file("/a.txt").field("ETag");
  const std::string gzipped = get_file("/a.txt", "Accept-Encoding: gzip\r\n").field("ETag");
  EXPECT_TRUE(gzipped.ends_with("-gzip\"")) << gzipped;
  EXPECT_NE(plain, gzipped);
}

TEST_F(FileAnswerTest, WhatMayNotBeReadAndWhatIsHidden) {
  put(".secret", "x");
  put("a", "x");
  EXPECT_EQ(get_file("/.secret").status, 404);
  std::filesystem::create_symlink("a", root_.path() / "link");
  EXPECT_NE(get_file("/link").status, 200) << "links are not followed";
  EXPECT_EQ(counted(), 0U);
  EXPECT_EQ(get_file("/a%2Fb").status, 404) << "no file can be meant";
}

TEST_F(FileAnswerTest, ADirectoryIsListedWhereItIsSaid) {
  files_.listing = true;
  put("d/one.txt", "1");
  put("d/.hidden", "2");
  put("i/index.html", "index");
  const FakeSink got = get_file("/d/");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(got.body.find("one.txt") != std::string::npos);
  EXPECT_EQ(got.body.find(".hidden"), std::string::npos);
  EXPECT_EQ(counted(), 1U);
  EXPECT_EQ(get_file("/i/").body, "index");
  EXPECT_EQ(get_file("/none/").status, 404);
}

TEST_F(FileAnswerTest, AFileThatShrinksWhileItIsSentIsCut) {
  const std::string large(1 << 20, 'x');
  put("large", large);
  FakeSource source(get("/large"));
  FakeSink sink;
  sink.room = 1000;
  Served served(worker(), source, sink);
  EXPECT_TRUE(turn_until(worker().loop, [&] { return !served.done() && sink.room == 0; }));
  std::filesystem::resize_file(root_.path() / "large", 2000);
  sink.room = 2 << 20;
  served.waiter().wake();
  EXPECT_TRUE(turn_until(worker().loop, [&] { return served.done(); }));
  EXPECT_TRUE(sink.was_cut);
  EXPECT_EQ(sink.ends, 0);
  EXPECT_EQ(worker().context().counters.files_cut.read(), 1U);
  EXPECT_EQ(worker().errors(ErrorKind::internal), 1U);
}

TEST_F(FileAnswerTest, ALimitIsAnnounced) {
  put("a", "x");
  worker().routes.front().limits.push_back(
      std::make_shared<const RateLimit>(RateLimitSettings{.name = "api", .rate = 0.001, .burst = 1, .announce = true},
                                        std::make_shared<LimitLive>(4), 1));
  const FakeSink got = get_file("/a");
  EXPECT_TRUE(got.field("RateLimit").starts_with("\"api\";r=1")) << got.field("RateLimit");
  EXPECT_TRUE(got.field("RateLimit-Policy").starts_with("\"api\";q="));
}

}  // namespace
}  // namespace edge::test::file_answer_test
