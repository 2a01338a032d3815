#pragma once
// `meridian enable` and `meridian weight`, and `meridian drain --pool`: the operator's word on one server of a pool,
// told to one edge. It holds over reloads and restarts of the edge until it is taken back.

#include <string>

#include "cli/command.h"

namespace cli {

struct ServerOfPool {
  std::string admin;  // empty: the edge's default
  std::string pool;
  std::string server;  // as configured: "10.0.1.10:8080"
};

[[nodiscard]] Exit drain_server(const ServerOfPool& which);
[[nodiscard]] Command enable_command(CLI::App& parent);
[[nodiscard]] Command weight_command(CLI::App& parent);

}  // namespace cli
