#include "cli/command.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace cli {

Exit complain(Exit status, const std::string& message) {
  std::fprintf(stderr, "meridian: %s\n", message.c_str());
  return status;
}

std::string shell_word(const std::string& word) {
  const bool plain = std::all_of(word.begin(), word.end(), [](unsigned char letter) {
    return std::isalnum(letter) != 0 ||
           std::string_view("/._-+:@%,=").find(static_cast<char>(letter)) != std::string_view::npos;
  });
  if (plain && !word.empty()) return word;
  std::string out = "'";
  for (const char letter : word) out += letter == '\'' ? "'\\''" : std::string(1, letter);
  return out + "'";
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace cli
