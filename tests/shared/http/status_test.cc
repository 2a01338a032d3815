#include "shared/http/status.h"

#include <gtest/gtest.h>

namespace http::status_test {
namespace {

// RFC 9110 section 15 and the registry of IANA.
TEST(ReasonPhrase, IsTheRegisteredOne) {
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(308), "Permanent Redirect");
  EXPECT_EQ(reason_phrase(413), "Content Too Large");
  EXPECT_EQ(reason_phrase(421), "Misdirected Request");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
}

TEST(ReasonPhrase, AStatusOfNobodyIsUnknown) {
  for (const std::uint16_t status : {0, 99, 299, 418, 599, 999}) EXPECT_EQ(reason_phrase(status), "Unknown") << status;
}

// What the proxy itself answers with must say what it is.
TEST(ReasonPhrase, EveryOneOfOurOwnAnswersHasOne) {
  for (const std::uint16_t status :
       {301, 302, 307, 308, 400, 403, 404, 405, 408, 411, 413, 414, 417, 421, 426, 431, 500, 501, 502, 503, 504, 505}) {
    EXPECT_NE(reason_phrase(status), "Unknown") << status;
  }
}

}  // namespace
}  // namespace http::status_test
