#include "shared/serve/process/command_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace shared::command_line_test {
namespace {

// A program with one of everything.
struct Program {
  Program() {
    const Parser parser = line.parser();
    parser.version("tool 7");
    parser.require_command();
    parser.footer("The end of the help.");
    send = parser.command("send", "Sends it");
    send.option("TARGET", target, "Where to").required();
    const auto via = send.option("--via", hops, "Over these").one_each();
    send.option("--port", port, "Its port").with_default();
    send.option("--mode", mode, "How").one_of({"fast", "sure"});
    send.flag("--direct", direct, "Over nobody").excludes(via);
    send.flag("--quiet", quiet, "Say nothing").excludes(send.find("--direct"));
    wait = parser.command("wait", "Waits");
  }

  std::optional<int> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "tool");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto status = line.parse(static_cast<int>(words.size()), words.data());
    told = testing::internal::GetCapturedStdout();
    complaint = testing::internal::GetCapturedStderr();
    return status;
  }

  std::string target;
  std::vector<std::string> hops;
  std::uint16_t port = 53;
  std::string mode;
  bool direct = false;
  bool quiet = false;
  CommandLine line{"tool", "A tool."};
  Parser send{nullptr};
  Parser wait{nullptr};
  std::string told;       // on standard output
  std::string complaint;  // on standard error
};

TEST(CommandLine, ValuesArriveAndTheProgramGoesOn) {
  Program program;
  EXPECT_EQ(program.parse({"send", "--via", "a", "--via", "b", "here", "--port", "5353", "--mode", "sure", "--quiet"}),
            std::nullopt);
  EXPECT_TRUE(program.send.said());
  EXPECT_EQ(program.target, "here");
  EXPECT_EQ(program.hops, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(program.port, 5353);
  EXPECT_EQ(program.mode, "sure");
  EXPECT_TRUE(program.quiet);
  EXPECT_FALSE(program.direct);
  EXPECT_EQ(program.told + program.complaint, "");
}

TEST(CommandLine, WhatIsNotSaidStaysAsItIs) {
  Program program;
  EXPECT_EQ(program.parse({"send", "here"}), std::nullopt);
  EXPECT_EQ(program.port, 53);
  EXPECT_EQ(program.mode, "");
  EXPECT_FALSE(program.quiet);
  Program other;
  EXPECT_EQ(other.parse({"wait"}), std::nullopt);
  EXPECT_FALSE(other.send.said());
  EXPECT_TRUE(other.wait.said());
}

TEST(CommandLine, WhatIsWrongEndsTheProgramWithTwoAndIsTold) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> wrong = {
      {{}, "A subcommand is required"},
      {{"send"}, "TARGET is required"},
      {{"send", "here", "there"}, "there"},
      {{"send", "--via", "a", "here", "b"}, "b"},
      {{"send", "here", "--port", "65536"}, "--port"},
      {{"send", "here", "--mode", "slow"}, "slow not in {fast,sure}"},
      {{"send", "here", "--direct", "--via", "a"}, "excludes"},
      {{"send", "here", "--quiet", "--direct"}, "--quiet"},
      {{"send", "here", "--nothing"}, "--nothing"}};
  for (const auto& [words, reason] : wrong) {
    Program program;
    EXPECT_EQ(program.parse(words), 2) << reason;
    EXPECT_NE(program.complaint.find(reason), std::string::npos) << program.complaint;
    EXPECT_EQ(program.told, "");
  }
}

TEST(CommandLine, HelpAndVersionEndItWithZero) {
  Program program;
  EXPECT_EQ(program.parse({"--version"}), 0);
  EXPECT_EQ(program.told, "tool 7\n");
  EXPECT_EQ(program.parse({"--help"}), 0);
  EXPECT_EQ(program.told.find("A tool.\nUsage: tool [OPTIONS] SUBCOMMAND"), 0U) << program.told;
  EXPECT_NE(program.told.find("Sends it"), std::string::npos);
  EXPECT_NE(program.told.find("The end of the help."), std::string::npos);
  EXPECT_EQ(program.parse({"send", "--help"}), 0);
  EXPECT_NE(program.told.find("=53"), std::string::npos) << program.told;
  EXPECT_EQ(program.complaint, "");
}

}  // namespace
}  // namespace shared::command_line_test
