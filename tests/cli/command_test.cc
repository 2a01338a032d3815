#include "cli/command.h"

#include <gtest/gtest.h>

namespace cli::command_test {
namespace {

TEST(Command, AWordIsQuotedWhereAShellWouldPartIt) {
  EXPECT_EQ(shell_word("/etc/meridian/a-b_1.yaml"), "/etc/meridian/a-b_1.yaml");
  EXPECT_EQ(shell_word("my service/meridian.yaml"), "'my service/meridian.yaml'");
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace cli::command_test
