#include "edge/core/cache/vary.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/edge/core/cache/parsed.h"

namespace edge::vary_test {
namespace {

std::string values(std::string_view names, std::string_view lines) {
  const ParsedRequest request(lines);
  std::string out;
  append_vary_values(names, request.head.fields, out);
  return out;
}

// RFC 9110 12.5.5.
TEST(Vary, FindsTheStarWhereverItStands) {
  for (const char* lines : {"Vary: *\r\n", "Vary: *, *\r\n", "Vary: *\r\nVary: *\r\n", "Vary: , *\r\n",
                            "Vary: \r\nVary: *\r\n", "Vary: *, Foo\r\n", "Vary: Foo, *\r\n", "Vary: a b\r\n"}) {
    const ParsedResponse response(lines);
    EXPECT_TRUE(varies_by_everything(response.head.fields)) << lines;
  }
  for (const char* lines : {"", "Vary: \r\n", "Vary: Foo, Bar\r\n"}) {
    const ParsedResponse response(lines);
    EXPECT_FALSE(varies_by_everything(response.head.fields)) << lines;
  }
}

std::string listed(std::size_t count, std::string_view name) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list.append(i > 0 ? ", " : "").append(name).append(std::to_string(i));
  return list;
}

// Each request is compared by each name.
TEST(Vary, ByMoreThanAnybodyMeansIsByEverything) {
  EXPECT_FALSE(varies_by_everything(ParsedResponse("Vary: " + listed(32, "X-") + "\r\n").head.fields));
  EXPECT_TRUE(varies_by_everything(ParsedResponse("Vary: " + listed(33, "X-") + "\r\n").head.fields));
  EXPECT_TRUE(varies_by_everything(
      ParsedResponse("Vary: " + listed(20, "X-") + "\r\nVary: " + listed(20, "Y-") + "\r\n").head.fields));
}

// Thousands would take longer to sort than to answer.
TEST(Vary, OnlyShortListsArePutInOrder) {
  const auto both = [](std::size_t count) {
    const std::string list = listed(count - 1, "l");
    return std::pair(values("accept-language", "Accept-Language: z, " + list + "\r\n"),
                     values("accept-language", "Accept-Language: " + list + ", z\r\n"));
  };
  const auto [first, second] = both(32);
  EXPECT_EQ(first, second);
  const auto [third, fourth] = both(33);
  EXPECT_NE(third, fourth);
  EXPECT_EQ(third, both(33).first);
}

TEST(Vary, KnowsTheNamesInAnyOrderAndCase) {
  const ParsedResponse one("Vary: Foo, bar\r\nVary: BAZ,foo\r\n");
  EXPECT_EQ(vary_names(one.head.fields), "bar,baz,foo");
  EXPECT_EQ(vary_names(ParsedResponse("").head.fields), "");
}

struct Same {
  const char* names;
  const char* a;
  const char* b;
  bool same;
};

// RFC 9111 4.1.
TEST(Vary, IsTheSameWhereRequestsMeanTheSame) {
  for (const Same& one : {Same{"foo", "Foo: 1\r\n", "foo: 1\r\nOther: 2\r\n", true},
                          {"foo", "Foo: 1\r\n", "Foo: 2\r\n", false},
                          {"foo", "Foo: 1\r\n", "", false},
                          {"foo", "", "", true},
                          {"foo", "Foo: \r\n", "", false},
                          {"foo", "Foo: 1, 2\r\n", "Foo: 1\r\nFoo: 2\r\n", true},
                          {"foo", "Foo: 1,2\r\n", "Foo:  1, 2 \r\n", true},
                          {"foo", "Foo: 1, 2\r\n", "Foo: 2, 1\r\n", false},
                          {"foo", "Foo: \"a, b\"\r\n", "Foo: \"a,b\"\r\n", false},
                          {"bar,foo", "Foo: 1\r\nBar: a\r\n", "Bar: a\r\nFoo: 1\r\n", true},
                          {"bar,foo", "Foo: a\r\n", "Bar: a\r\n", false},
                          {"accept-language", "Accept-Language: en, de\r\n", "Accept-Language: de,  eN\r\n", true},
                          {"accept-encoding", "Accept-Encoding: gzip;q=1.0, br\r\n",
                           "Accept-Encoding: BR\r\nAccept-Encoding: gzip; q=1.0\r\n", true},
                          {"accept-encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n", false}}) {
    EXPECT_EQ(values(one.names, one.a) == values(one.names, one.b), one.same) << one.a << one.b;
  }
}

}  // namespace
}  // namespace edge::vary_test
