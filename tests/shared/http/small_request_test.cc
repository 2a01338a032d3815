#include "shared/http/small_request.h"

#include <gtest/gtest.h>

#include "shared/http/request_reader.h"

namespace http::small_request_test {
namespace {

TEST(SmallRequest, IsWrittenInOnePiece) {
  EXPECT_EQ(write({.method = Method::get, .target = "/a?b", .host = "h:1", .fields = {{"Accept", "*/*"}}, .body = {}}),
            "GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(write({.method = Method::post, .target = "/", .host = "h", .fields = {}, .body = {}}),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
}

TEST(SmallRequest, IsReadAsWhatItIs) {
  for (int i = 0; i < static_cast<int>(Method::other); ++i) {
    const auto method = static_cast<Method>(i);
    EXPECT_EQ(method_of(name_of(method)), method);
    RequestReader reader({});
    ASSERT_EQ(reader.feed(write({method, "/x", "h", {{"X", "y"}}, "body"})), RequestReader::State::complete);
    EXPECT_EQ(reader.head().method, method);
    EXPECT_EQ(reader.head().fields.find("X")->value, "y");
    EXPECT_EQ(reader.body(), "body");
    reader.next();
    EXPECT_FALSE(reader.begun());
  }
}

}  // namespace
}  // namespace http::small_request_test
