#include "edge/core/cache/stored_head.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::stored_head_test {
namespace {

std::string lines_of(const StoredHead& stored) {
  http::ResponseHead head;
  EXPECT_TRUE(stored.copy_to(head));
  std::string text = std::to_string(head.status) + " " + std::string(head.reason) + "\n";
  for (const http::Field& field : head.fields) {
    text += std::string(field.name) + ": " + std::string(field.value) + "\n";
    EXPECT_EQ(field.id, http::field_id(field.name));
  }
  return text;
}

StoredHead stored(const ParsedResponse& response, CookiePolicy cookies = CookiePolicy::strip) {
  return {response.head, response_directives(response.head.fields), cookies, 784111777};
}

// RFC 9111 3.1.
TEST(StoredHead, LeavesOutWhatIsNotStored) {
  const ParsedResponse response(
      "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: a, close\r\nA: 1\r\nKeep-Alive: x\r\nUpgrade: y\r\n"
      "Proxy-Authenticate: z\r\nProxy-Authentication-Info: z\r\nTE: q\r\nProxy-Connection: p\r\nAge: 5\r\n"
      "Cache-Control: no-cache=\"b\"\r\nB: 2\r\nC: 3\r\nTest-Header: x\r\nSet-Cookie: s=1\r\nContent-Length: 5\r\n");
  EXPECT_EQ(lines_of(stored(response)),
            "200 Word\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nCache-Control: no-cache=\"b\"\nC: 3\nTest-Header: x\n");
}

TEST(StoredHead, KeepsCookiesOnlyIfItIsTold) {
  const ParsedResponse response("Date: x\r\nSet-Cookie: s=1\r\nSet-Cookie: t=2\r\n");
  EXPECT_EQ(lines_of(stored(response, CookiePolicy::store)), "200 Word\nDate: x\nSet-Cookie: s=1\nSet-Cookie: t=2\n");
}

TEST(StoredHead, SaysWhenItCameIfTheServerDidNot) {
  EXPECT_EQ(lines_of(stored(ParsedResponse("A: 1\r\n"))), "200 Word\nA: 1\nDate: Sun, 06 Nov 1994 08:49:37 GMT\n");
}

// RFC 9111 3.2.
TEST(StoredHead, IsUpdatedByA304) {
  const ParsedResponse response(
      "Date: old\r\nA: 1\r\nA: 2\r\nB: 3\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\nETag: \"x\"\r\n");
  const ParsedResponse fresh(
      "Date: new\r\na: 9\r\nC: 4\r\nContent-Encoding: br\r\nContent-Range: q\r\nContent-Length: 0\r\n"
      "Content-Type: text/html\r\nConnection: D\r\nD: 5\r\n",
      304);
  const StoredHead updated = stored(response).updated_by(fresh.head, {}, CookiePolicy::strip);
  EXPECT_EQ(lines_of(updated),
            "200 Word\nB: 3\nContent-Encoding: gzip\nETag: \"x\"\nDate: new\na: 9\nC: 4\nContent-Type: text/html\n");
  EXPECT_EQ(updated.status(), 200);
}

// Of the body that stays, and what the 304 says is not to be used again.
TEST(StoredHead, KeepsWhatIsOfItsBodyAndDropsWhatA304Forbids) {
  const ParsedResponse response("Date: old\r\nContent-MD5: AA==\r\nA: 1\r\nB: 2\r\n");
  const ParsedResponse fresh("Date: old\r\nContent-MD5: BB==\r\nA: 3\r\nCache-Control: no-cache=\"a\"\r\n", 304);
  const ResponseDirectives directives = response_directives(fresh.head.fields);
  EXPECT_EQ(lines_of(stored(response).updated_by(fresh.head, directives, CookiePolicy::strip)),
            "200 Word\nContent-MD5: AA==\nB: 2\nDate: old\nCache-Control: no-cache=\"a\"\n");
}

TEST(StoredHead, FindsFieldsAndKnowsItsMemory) {
  const ParsedResponse response("ETag: \"x\"\r\nCache-Tag: a,b\r\n");
  const StoredHead head = stored(response);
  EXPECT_EQ(head.find(http::FieldId::etag), "\"x\"");
  EXPECT_EQ(head.find("cache-tag"), "a,b");
  EXPECT_EQ(head.find("Cache-Tags"), "");
  EXPECT_EQ(head.find(http::FieldId::vary), "");
  EXPECT_GT(head.memory(), 40U);
}

}  // namespace
}  // namespace edge::stored_head_test
