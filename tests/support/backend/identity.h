#pragma once
// Identity: one server that the test backend plays: its name, pool and region, the address it listens on, and how well
// it feels. One process plays many; Identities live as long as the program, on its one thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/ip.h"

namespace backend {

// What POST /fail?mode=... switches: `error` answers 500 to everything, `sick` only to /health, `reset` sends RST,
// `hang` never answers, `off` closes the listener and every connection. These leave /health alone: `close` ends the
// connection in place of an answer, `cut_head` and `cut_body` in the midst of one, `garbage` answers what is no HTTP.
enum class Mode : std::uint8_t { ok, error, sick, reset, hang, off, close, cut_head, cut_body, garbage };

[[nodiscard]] std::optional<Mode> parse_mode(std::string_view text);
[[nodiscard]] std::string_view to_string(Mode mode);

struct Identity {
  std::string name;
  std::string pool;
  std::string region;
  shared::Endpoint endpoint;
  int listener = -1;
  Mode mode = Mode::ok;
  std::uint64_t delay_ms = 0;
  std::uint64_t cpu_usage = 12;
  std::uint64_t memory_usage = 34;
  std::uint64_t served = 0;  // answers but those of /health, /fail and /stats
};

}  // namespace backend
