#include "shared/http/origin_form.h"

#include <random>

#include <gtest/gtest.h>

namespace http::origin_form_test {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

TEST(OriginForm, PathAndQueryAreDecoded) {
  EXPECT_EQ(parse_origin_form("/"), (OriginForm{"/", {}}));
  EXPECT_EQ(parse_origin_form("/a%20b?x=1&name=a%20b%2Bc&y=d+e"),
            (OriginForm{"/a b", {{"x", "1"}, {"name", "a b+c"}, {"y", "d e"}}}));
  EXPECT_EQ(parse_origin_form("/p?a&b=&=c&a=b=c?d"),
            (OriginForm{"/p", {{"a", ""}, {"b", ""}, {"", "c"}, {"a", "b=c?d"}}}));
  EXPECT_EQ(parse_origin_form("/p?&"), (OriginForm{"/p", {}}));
  EXPECT_EQ(parse_origin_form("/p?where=[2001:db8::1]:80"), (OriginForm{"/p", {{"where", "[2001:db8::1]:80"}}}));
  EXPECT_EQ(parse_origin_form("/p?n=z%C3%BCrich")->query, (Query{{"n", "zürich"}}));
}

TEST(OriginForm, WhatIsNoneIsRefused) {
  for (const std::string_view target :
       {"", "*", "a", "http://[/echo", "http://localhost/echo", "/echo%zz", "/echo%", "/echo%4", "/?a=%4", "/?a=%g0",
        "/a%00", "/?a=%00", "/a\"", "/?a=\"", "/?a=<", "/a[", "/\\", "/a\x80", "/?a#b"}) {
    EXPECT_FALSE(parse_origin_form(target)) << target;
  }
}

TEST(OriginForm, IsWrittenEscaped) {
  EXPECT_EQ(write_origin_form({"/drain", {}}), "/drain");
  EXPECT_EQ(write_origin_form({"/drain", {{"target", "eu"}, {"reason", "100% new & better?"}}}),
            "/drain?target=eu&reason=100%25%20new%20%26%20better%3F");
}

// What the reader of a query could take for something else is escaped; a path keeps its @.
TEST(OriginForm, AnAtIsPlainInAPathAndEscapedInAQuery) {
  EXPECT_EQ(write_origin_form({"/a@b", {{"who", "a@b"}}}), "/a@b?who=a%40b");
}

TEST(OriginForm, ParseOfWriteIsTheSame) {
  std::mt19937 random(7);
  const auto text = [&] {
    std::string made(random() % 12, ' ');
    for (char& c : made) c = static_cast<char>(1 + random() % 255);
    return made;
  };
  for (int round = 0; round < 2000; ++round) {
    OriginForm made{"/" + text(), {}};
    for (auto pairs = random() % 4; pairs > 0; --pairs) made.query.emplace_back(text(), text());
    EXPECT_EQ(parse_origin_form(write_origin_form(made)), made) << write_origin_form(made);
  }
}

}  // namespace
}  // namespace http::origin_form_test
