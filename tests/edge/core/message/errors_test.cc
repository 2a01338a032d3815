#include "edge/core/message/errors.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace edge::errors_test {
namespace {

ErrorKind refused(std::uint16_t status) { return kind_of({.status = status, .reason = "for a test"}); }

TEST(Errors, ARefusalCountsAsWhatItIs) {
  EXPECT_EQ(refused(401), ErrorKind::unauthorized);
  EXPECT_EQ(refused(403), ErrorKind::forbidden);
  EXPECT_EQ(refused(404), ErrorKind::no_route);
  EXPECT_EQ(refused(408), ErrorKind::request_timeout);
  EXPECT_EQ(refused(413), ErrorKind::body_too_large);
  EXPECT_EQ(refused(503), ErrorKind::exhausted);
  for (const std::uint16_t status : {400, 405, 414, 417, 431, 501, 505}) {
    EXPECT_EQ(refused(status), ErrorKind::bad_request) << status;
  }
}

TEST(Errors, EachKindHasANameAndALetter) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(ErrorKind::internal); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    names.insert(name_of(kind));
    EXPECT_NE(ending_of(kind), kEndedWell) << name_of(kind);
    EXPECT_GE(status_of(kind), 400) << name_of(kind);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorKind::internal) + 1);
  EXPECT_EQ(status_of(ErrorKind::forbidden), 403);
  EXPECT_EQ(ending_of(ErrorKind::forbidden), 'R');
  EXPECT_EQ(ending_of(ErrorKind::exhausted), 'L');
  EXPECT_EQ(status_of(ErrorKind::overloaded), 503);
  EXPECT_EQ(ending_of(ErrorKind::overloaded), 'F');
  EXPECT_EQ(status_of(ErrorKind::no_websocket), 502);
  EXPECT_EQ(ending_of(ErrorKind::no_websocket), 'w');
  EXPECT_EQ(name_of(ErrorKind::no_websocket), "no_websocket");
}

}  // namespace
}  // namespace edge::errors_test
