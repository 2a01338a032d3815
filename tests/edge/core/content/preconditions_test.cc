#include "edge/core/content/preconditions.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace edge {

static std::ostream& operator<<(std::ostream& out, Precondition what) {
  constexpr const char* kWords[] = {"holds", "not_modified", "failed"};
  return out << kWords[static_cast<std::size_t>(what)];
}

}  // namespace edge

namespace edge::preconditions_test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

http::FieldList list_of(const Fields& fields) {
  http::FieldList list;
  for (const auto& [name, value] : fields) {
    EXPECT_TRUE(list.push({.name = name, .value = value, .id = http::field_id(name)}));
  }
  return list;
}

constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr http::UnixSeconds kModified = 784111777;
constexpr http::UnixSeconds kNow = kModified + 1000;
const Validators kStrong{.etag = "\"v1\"", .last_modified = kModified};
const Validators kWeak{.etag = "W/\"v1\"", .last_modified = kModified};
const Validators kBare{};

struct Case {
  const char* why;
  Fields fields;
  Validators present = kStrong;
  Precondition get;
  Precondition put;  // of a method that is no retrieval
};

TEST(Preconditions, HoldInTheOrderOfRfc9110) {
  using enum Precondition;
  const std::vector<Case> cases{
      {"none", {}, kStrong, holds, holds},
      {"13.1.1 matches", {{"If-Match", "\"v0\", \"v1\""}}, kStrong, holds, holds},
      {"13.1.1 does not", {{"If-Match", "\"v0\""}}, kStrong, failed, failed},
      {"13.1.1 any", {{"If-Match", "*"}}, kBare, holds, holds},
      {"13.1.1 compares strongly", {{"If-Match", "W/\"v1\""}}, kWeak, failed, failed},
      {"13.1.1 without a tag", {{"If-Match", "\"v1\""}}, kBare, failed, failed},
      {"13.1.1 in two lines", {{"If-Match", "\"v0\""}, {"If-Match", "\"v1\""}}, kStrong, holds, holds},
      {"13.1.1 no tag in it", {{"If-Match", "v1"}}, kStrong, failed, failed},
      {"13.1.2 matches", {{"If-None-Match", "\"v1\""}}, kStrong, not_modified, failed},
      {"13.1.2 compares weakly", {{"If-None-Match", "W/\"v1\""}}, kStrong, not_modified, failed},
      {"13.1.2 other", {{"If-None-Match", "\"v2\""}}, kStrong, holds, holds},
      {"13.1.2 any", {{"If-None-Match", "*"}}, kBare, not_modified, failed},
      {"13.1.2 in two lines",
       {{"If-None-Match", "\"v0\""}, {"If-None-Match", "\"v1\""}},
       kStrong,
       not_modified,
       failed},
      {"13.1.3 same", {{"If-Modified-Since", kSame}}, kStrong, not_modified, holds},
      {"13.1.3 later", {{"If-Modified-Since", kAfter}}, kStrong, not_modified, holds},
      {"13.1.3 earlier", {{"If-Modified-Since", kBefore}}, kStrong, holds, holds},
      {"13.1.3 no date", {{"If-Modified-Since", "yesterday"}}, kStrong, holds, holds},
      {"13.1.3 without a date of ours", {{"If-Modified-Since", kSame}}, kBare, holds, holds},
      {"13.1.3 twice", {{"If-Modified-Since", kSame}, {"If-Modified-Since", kSame}}, kStrong, holds, holds},
      {"13.1.3 not beside If-None-Match",
       {{"If-None-Match", "\"v2\""}, {"If-Modified-Since", kSame}},
       kStrong,
       holds,
       holds},
      {"13.1.4 same", {{"If-Unmodified-Since", kSame}}, kStrong, holds, holds},
      {"13.1.4 earlier", {{"If-Unmodified-Since", kBefore}}, kStrong, failed, failed},
      {"13.1.4 no date", {{"If-Unmodified-Since", "0"}}, kStrong, holds, holds},
      {"13.1.4 not beside If-Match", {{"If-Match", "\"v1\""}, {"If-Unmodified-Since", kBefore}}, kStrong, holds, holds},
      {"13.2.2 412 before 304", {{"If-Match", "\"v2\""}, {"If-None-Match", "\"v1\""}}, kStrong, failed, failed},
      {"13.2.2 both hold", {{"If-Match", "\"v1\""}, {"If-None-Match", "\"v1\""}}, kStrong, not_modified, failed},
  };
  for (const Case& one : cases) {
    const http::FieldList fields = list_of(one.fields);
    EXPECT_EQ(check_preconditions(http::Method::get, fields, one.present, kNow), one.get) << one.why;
    EXPECT_EQ(check_preconditions(http::Method::head, fields, one.present, kNow), one.get) << one.why;
    EXPECT_EQ(check_preconditions(http::Method::put, fields, one.present, kNow), one.put) << one.why;
  }
}

TEST(Preconditions, IfRangeWantsAStrongValidator) {
  const auto holds = [](const Fields& fields, const Validators& present, http::UnixSeconds now) {
    return range_condition_holds(list_of(fields), present, now);
  };
  EXPECT_TRUE(holds({}, kStrong, kNow));
  EXPECT_TRUE(holds({{"If-Range", "\"v1\""}}, kStrong, kNow));
  EXPECT_FALSE(holds({{"If-Range", "\"v2\""}}, kStrong, kNow));
  EXPECT_FALSE(holds({{"If-Range", "W/\"v1\""}}, kWeak, kNow));
  EXPECT_FALSE(holds({{"If-Range", "\"v1\""}}, kBare, kNow));
  EXPECT_FALSE(holds({{"If-Range", "*"}}, kStrong, kNow));
  EXPECT_FALSE(holds({{"If-Range", "\"v1\", \"v2\""}}, kStrong, kNow)) << "no list";
  EXPECT_TRUE(holds({{"If-Range", kSame}}, kStrong, kNow));
  EXPECT_FALSE(holds({{"If-Range", kBefore}}, kStrong, kNow));
  EXPECT_FALSE(holds({{"If-Range", kAfter}}, kStrong, kNow)) << "the very date (13.1.5)";
  EXPECT_FALSE(holds({{"If-Range", kSame}}, kStrong, kModified)) << "it may change once more in this second (8.8.2.2)";
  EXPECT_FALSE(holds({{"If-Range", kSame}}, kBare, kNow));
  EXPECT_FALSE(holds({{"If-Range", "\"v1\""}, {"If-Range", "\"v1\""}}, kStrong, kNow));
}

}  // namespace
}  // namespace edge::preconditions_test
