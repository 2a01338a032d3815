#include "shared/load/restart.h"

#include <gtest/gtest.h>

#include "tests/shared/load/helpers.h"

namespace shared::load::restart_test {
namespace {

using Options = std::vector<std::string>;

Config with(const std::string& more) { return testing::read(std::string(testing::kMinimal) + more).config; }

TEST(Restart, TellsEveryOptionThatCannotChange) {
  const Config before = with("");
  EXPECT_EQ(changed_for_good(before, before, Role::dns), Options{});
  EXPECT_EQ(changed_for_good(before, with("log: {level: debug}\n"), Role::edge), Options{});
  const Config all =
      with("state_directory: /srv/m\nuser: m\nsystem_calls: shadow\nadmin: {dns: 127.0.0.1:1, edge: 127.0.0.1:2}\n");
  EXPECT_EQ(changed_for_good(before, all, Role::dns),
            (Options{"admin.dns", "state_directory", "user", "system_calls"}));
  EXPECT_EQ(changed_for_good(before, all, Role::edge),
            (Options{"admin.edge", "state_directory", "user", "system_calls"}));
  EXPECT_EQ(needs_restart("user"), "user: a change needs a restart");
}

}  // namespace
}  // namespace shared::load::restart_test
