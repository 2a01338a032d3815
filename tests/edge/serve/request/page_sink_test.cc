#include "edge/serve/request/page_sink.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/edge/serve/request/plain_sink.h"

namespace edge::page_sink_test {
namespace {

using test::Answered;
using test::PlainSink;

ErrorPages pages() {
  const auto text = [](const char* body) { return std::make_shared<const std::string>(body); };
  return ErrorPages(
      {{.low = 404, .high = 404, .content_type = "text/plain", .body = text("ours alone")},
       {.low = 500, .high = 599, .content_type = "text/html", .body = text("sorry"), .for_servers = true}});
}

struct Page {
  explicit Page(http::Method method = http::Method::get) : sink(below, given, method) {}
  // The whole of a server's answer, as far as it goes.
  Sent answer(const std::string& head, std::string_view body) {
    sink.start(Answered(head).head, {}, {});
    EXPECT_EQ(sink.write(body), body.size());
    sink.end("X-Sum: 1\r\n");
    return sink.flush();
  }
  ErrorPages given = pages();
  PlainSink below;
  PageSink sink;
};

TEST(PageSink, StandsInThePlaceOfWhatTheServerSays) {
  Page page;
  EXPECT_EQ(page.answer("HTTP/1.1 503 Gone\r\nRetry-After: 7\r\nContent-Type: text/x\r\n\r\n", "trouble"), Sent::all);
  EXPECT_FALSE(page.below.from_server);
  EXPECT_EQ(page.below.status, 503);
  EXPECT_EQ(page.below.length, 5U);
  EXPECT_EQ(page.below.content_type, "text/html");
  EXPECT_EQ(page.below.retry_after, "7");
  EXPECT_EQ(page.below.body, "sorry");
  EXPECT_EQ(page.below.ends, 1);
  EXPECT_EQ(page.below.trailers, "") << "those were of what it has replaced";
  EXPECT_EQ(page.sink.direct(), nullptr);
  static_cast<void>(page.sink.flush());
  EXPECT_EQ(page.below.ends, 1) << "it ends once";
}

TEST(PageSink, OtherAnswersPass) {
  for (const char* status : {"200 OK", "404 Not Found"}) {  // the page of 404 is for the edge's own
    Page page;
    EXPECT_EQ(page.answer("HTTP/1.1 " + std::string(status) + "\r\n\r\n", "well"), Sent::all);
    EXPECT_TRUE(page.below.from_server);
    EXPECT_EQ(page.below.body, "well");
    EXPECT_EQ(page.below.trailers, "X-Sum: 1\r\n");
    EXPECT_EQ(page.below.ends, 1);
  }
}

TEST(PageSink, AHeadHasNoPageBehindIt) {
  Page page(http::Method::head);
  page.sink.start(Answered("HTTP/1.1 500 Oh\r\n\r\n").head, {}, {});
  page.sink.end({});
  EXPECT_EQ(page.sink.flush(), Sent::all);
  EXPECT_EQ(page.below.length, 5U);
  EXPECT_EQ(page.below.body, "");
  EXPECT_EQ(page.below.ends, 1);
}

TEST(PageSink, WaitsForRoomAndEndsBehindItsLastOctet) {
  Page page;
  page.below.room = 3;
  EXPECT_EQ(page.answer("HTTP/1.1 500 Oh\r\n\r\n", "trouble"), Sent::blocked);
  EXPECT_EQ(page.below.body, "sor");
  EXPECT_EQ(page.below.ends, 0);
  page.below.room = 100;
  EXPECT_EQ(page.sink.flush(), Sent::all);
  EXPECT_EQ(page.below.body, "sorry");
  EXPECT_EQ(page.below.ends, 1);
}

TEST(PageSink, AClientThatIsGoneEndsIt) {
  Page page;
  page.below.broken = true;
  EXPECT_EQ(page.answer("HTTP/1.1 500 Oh\r\n\r\n", "trouble"), Sent::failed);
  EXPECT_TRUE(page.sink.failed());
}

}  // namespace
}  // namespace edge::page_sink_test
