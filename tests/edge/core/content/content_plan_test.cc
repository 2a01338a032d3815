#include "edge/core/content/content_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace edge::content_plan_test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr http::UnixSeconds kModified = 784111777;
constexpr const char* kSame = "Sun, 06 Nov 1994 08:49:37 GMT";

ContentPlan planned(const Fields& fields, http::Method method = http::Method::get) {
  http::RequestHead head;
  head.method = method;
  for (const auto& [name, value] : fields) {
    EXPECT_TRUE(head.fields.push({.name = name, .value = value, .id = http::field_id(name)}));
  }
  return plan_content(head, {.etag = "\"v1\"", .last_modified = kModified}, 1000, kModified + 100);
}

TEST(ContentPlan, ConditionsComeBeforeRanges) {
  EXPECT_EQ(planned({}).status, 200);
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}}).status, 206);
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}}, http::Method::head).status, 200);
  EXPECT_EQ(planned({{"Range", "bytes=1000-"}}).status, 416);
  EXPECT_EQ(planned({{"Range", "lines=1-2"}}).status, 200);
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}, {"If-None-Match", "\"v1\""}}).status, 304);
  EXPECT_EQ(planned({{"Range", "bytes=1000-"}, {"If-Match", "\"v2\""}}).status, 412);
  EXPECT_EQ(planned({{"If-Modified-Since", kSame}}).status, 304);
}

TEST(ContentPlan, IfRangeThatFailsAsksForTheWhole) {
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}, {"If-Range", "\"v1\""}}).status, 206);
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}, {"If-Range", "\"v2\""}}).status, 200);
  EXPECT_EQ(planned({{"Range", "bytes=1000-"}, {"If-Range", "\"v2\""}}).status, 200);
  EXPECT_EQ(planned({{"Range", "bytes=0-9"}, {"If-Range", kSame}}).status, 206);
  EXPECT_EQ(planned({{"If-Range", "\"v2\""}}).status, 200);
}

}  // namespace
}  // namespace edge::content_plan_test
