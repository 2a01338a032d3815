#pragma once
// What the commands that compare (`what-if`, `diff`, `geo diff`) share: the answers to weigh by, fetched from running
// servers or absent, and the report as text or JSON. One thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "dns/core/steer/moves.h"
#include "dns/load/world/world.h"
#include "shared/core/result.h"

namespace cli {

struct MovesOptions {
  std::vector<std::string> servers;  // empty: the DNS node of the configuration, if it runs on this machine
  bool addresses = false;            // nobody is asked
  bool json = false;
};
void add_moves_options(shared::Parser parser, MovesOptions& options);

// What a running server gave lately, and what it believes of its edges.
struct Given {
  std::string server;  // who says so
  std::vector<dns::GivenAnswer> answers;
  struct Region {
    std::string name;
    std::vector<dns::EdgeState> edges;
  };
  std::vector<Region> regions;
  std::uint64_t sampled_one_in = 1;  // so many answers for each of these
};
[[nodiscard]] shared::Result<Given> parse_given(std::string_view json);

// One report for each server that is asked, with several under a line that says whose it is; one over the address
// space, where no server was named and none of `config` runs here or has samples. Failed if any has failed.
using Report = std::function<Exit(const std::optional<Given>& given)>;
Exit report_each(const MovesOptions& options, const std::string& config, const Report& report);

// The health that the server sees, for regions of the same name and number of edges; all others up.
[[nodiscard]] dns::HealthView health_of(const std::vector<dns::Region>& regions, const std::optional<Given>& given);

// The configuration, its diagnostics written to standard error. Nothing: it has errors.
[[nodiscard]] std::optional<dns::World> load_or_complain(const std::string& file);

// Compares and prints. `change`: "us-east were down".
Exit print_moves(const dns::Side& before, const dns::Side& after, const std::optional<Given>& given,
                 const std::string& change, const MovesOptions& options);

// For tests.
[[nodiscard]] std::string moves_text(const dns::MoveReport& report, const std::string& change,
                                     const std::optional<Given>& given);
[[nodiscard]] std::string moves_json(const dns::MoveReport& report, const std::string& change,
                                     const std::optional<Given>& given);

}  // namespace cli
