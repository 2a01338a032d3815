#include "cli/command.h"

#include <cstdio>

namespace cli {

Exit complain(Exit status, const std::string& message) {
  std::fprintf(stderr, "meridian: %s\n", message.c_str());
  return status;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace cli
