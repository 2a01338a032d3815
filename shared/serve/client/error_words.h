#pragma once
// What the errors of a client's connection mean, and how an operator is told. Pure; any thread.

#include <string>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

// The peer, or its kernel, said that the connection is over.
[[nodiscard]] bool is_end_of_stream(error_code error);

// There is no way there, or nothing came back.
[[nodiscard]] bool is_silence(error_code error);

// "connection refused", "connection closed", or the system's words.
[[nodiscard]] std::string words_of(error_code error);

[[nodiscard]] std::string no_answer_in(Duration timeout);  // "no answer in 1000 ms"

}  // namespace shared
