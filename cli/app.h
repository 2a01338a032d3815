#pragma once
// The `meridian` command as a function of its arguments. Parses, runs one subcommand, gives
// the exit status. One thread.

namespace cli {

[[nodiscard]] int run(int argc, const char* const* argv, const char* version);

}  // namespace cli
