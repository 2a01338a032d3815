#include "edge/serve/request/adding_sink.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/edge/serve/request/plain_sink.h"

namespace edge::adding_sink_test {
namespace {

using test::Answered;
using test::PlainSink;

HeaderRules rules_with(const std::string& name, const std::string& value) {
  HeaderRules rules;
  rules.apply({.op = HeaderRule::Op::set, .name = name, .value = value});
  return rules;
}

std::string appended(const HeaderRules& rules) {
  std::string text;
  for (const HeaderRules::Appended& field : rules.appended()) text += field.name + "=" + field.value + ";";
  return text;
}

struct Adding {
  PlainSink below;
  HeaderRules general = rules_with("X-General", "g");
  AddingSink sink{below, general};
};

TEST(AddingSink, FieldsGoOnTopOfTheRulesOfAServersAnswer) {
  Adding adding;
  adding.sink.set("Cache-Status", "old");
  adding.sink.set("Cache-Status", "hit");
  adding.sink.add("Set-Cookie", "a=1");
  adding.sink.add("Set-Cookie", "b=2");
  const Answered answer("HTTP/1.1 200 OK\r\nCache-Status: theirs\r\nSet-Cookie: c=3\r\n\r\n");
  adding.sink.start(answer.head, {}, rules_with("X-Route", "r"));
  EXPECT_EQ(appended(adding.below.rules), "X-Route=r;Cache-Status=hit;Set-Cookie=a=1;Set-Cookie=b=2;");
  EXPECT_TRUE(adding.below.rules.drops(*answer.head.fields.find("Cache-Status"))) << "in the place of theirs";
  EXPECT_FALSE(adding.below.rules.drops(*answer.head.fields.find("Set-Cookie"))) << "beside theirs";
}

TEST(AddingSink, AndOfThoseOfAPageOfTheEdge) {
  Adding adding;
  adding.sink.add("X-Told", "1");
  OwnHead page{.status = 404};
  adding.sink.start(page);
  EXPECT_EQ(adding.below.status, 404);
  EXPECT_EQ(appended(adding.below.rules), "X-General=g;X-Told=1;") << "no route stands behind it";
  const HeaderRules own = rules_with("X-Route", "r");
  page.rules = &own;
  adding.sink.start(page);
  EXPECT_EQ(appended(adding.below.rules), "X-Route=r;X-Told=1;");
}

TEST(AddingSink, TheRestPasses) {
  Adding adding;
  adding.sink.interim(Answered("HTTP/1.1 103 Early Hints\r\n\r\n").head);
  EXPECT_EQ(adding.below.interims, 103);
  adding.below.room = 2;
  EXPECT_EQ(adding.sink.write("abc"), 2U);
  EXPECT_TRUE(adding.sink.blocked());
  EXPECT_EQ(adding.sink.flush(), Sent::blocked);
  EXPECT_EQ(adding.sink.octets_sent(), 2U);
  adding.sink.end("X: 1\r\n");
  EXPECT_EQ(adding.below.trailers, "X: 1\r\n");
  adding.sink.cut();
  EXPECT_TRUE(adding.below.was_cut);
}

}  // namespace
}  // namespace edge::adding_sink_test
