#pragma once
// Command: one subcommand of `meridian`: its entry in the parser and what it does. Each lives in a file of its own and
// is listed in app.cc. Commands write results to standard output and complaints to standard error. One thread.

#include <functional>
#include <string>

#include "shared/serve/process/command_line.h"

namespace cli {

// The exit status, the same for every command.
enum class Exit : int {
  ok = 0,
  failed = 1,   // could not be done: a server does not answer or refuses, an address is not found
  invalid = 2,  // the command line or the configuration is wrong
};

struct Command {
  shared::Parser parser;
  std::function<Exit()> run;  // called after parsing, if the command was given
};

// Writes "meridian: MESSAGE" to standard error and returns `status`.
Exit complain(Exit status, const std::string& message);

// A word of a command line that can be typed as it is: in quotes, if it needs them.
[[nodiscard]] std::string shell_word(const std::string& word);

// Writes to standard output.
void print(const std::string& text);

}  // namespace cli
