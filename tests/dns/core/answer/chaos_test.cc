#include "dns/core/answer/chaos.h"

#include <gtest/gtest.h>

#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::chaos_test {
namespace {

using test::Asked;
using test::QueryBuilder;
using Lines = std::vector<std::string>;

[[nodiscard]] const Snapshot& world() {
  static const Snapshot snapshot = test::example_world();
  return snapshot;
}

[[nodiscard]] QueryBuilder query(const std::string& name, RrType type = RrType::a) {
  QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  return builder;
}

TEST(Chaos, SaysWhoWeAre) {
  struct ChaosCase {
    const char* name;
    RrType type;
    Lines answer;
  };
  for (const ChaosCase& c : std::initializer_list<ChaosCase>{
           {"id.server", RrType::txt, {"id.server. 0 CH TXT \"node-1\""}},
           {"HOSTNAME.bind", RrType::txt, {"HOSTNAME.bind. 0 CH TXT \"node-1\""}},
           {"version.bind", RrType::txt, {"version.bind. 0 CH TXT \"meridian\""}},
           {"version.server", RrType::any, {"version.server. 0 CH TXT \"meridian\""}},
           {"version.bind", RrType::a, {}},
           {"authors.bind", RrType::txt, {}},
           {"www.example.com", RrType::txt, {}},
       }) {
    QueryBuilder builder = query(c.name, c.type);
    builder.klass = 3;
    const Asked asked = test::exchange(world(), builder);
    EXPECT_EQ(asked.reply.answer, c.answer) << c.name;
    EXPECT_EQ(asked.info.rcode, c.answer.empty() ? Rcode::refused : Rcode::noerror) << c.name;
    Snapshot silent = world();
    silent.identity = {};
    EXPECT_EQ(test::exchange(silent, builder).info.rcode, Rcode::refused);
  }
}

}  // namespace
}  // namespace dns::chaos_test
