#pragma once
// `--all`: the same request to every DNS node of `dns.nodes`, wherever it runs, with the result of each. One thread.

#include "cli/servers.h"

namespace cli {

// Adds `--all`; a command that has it calls ask_nodes() where it is given.
void add_all_option(shared::Parser parser, ServerOptions& options);

// Each node's answer under its name. Failed if any has failed, and then the last line says on which nodes it is done.
Exit ask_nodes(const ServerOptions& options, const AdminCall& call, const Show& show = {});

}  // namespace cli
