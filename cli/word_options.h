#pragma once
// What every operator's word may carry: why it is said, and when it ends by itself. One thread.

#include <string>

#include "cli/admin_client.h"
#include "shared/core/result.h"
#include "shared/serve/process/command_line.h"

namespace cli {

struct WordOptions {
  std::string reason;
  std::string expires;  // "2h", by the rules of the configuration's durations
};
// `end` says what takes the word back before its time: "undrain".
void add_word_options(shared::Parser parser, WordOptions& options, const std::string& end);

// As parameters of the call; nothing is added for what was not said.
[[nodiscard]] shared::Result<void> put_word(const WordOptions& options, AdminCall& call);

}  // namespace cli
