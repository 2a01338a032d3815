#pragma once
// Cross-checks: what neither server's part of a configuration shows alone: hosts of routes that no zone of ours knows,
// and what the file expects of this machine (a user, a folder). Warnings: the file may be meant for another machine, or
// the host's zone be somebody else's. Called by `meridian check`.

#include "dns/load/world/world.h"
#include "edge/load/config.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace cli {

// A steered name's HTTPS record that advertises a protocol (`alpn=h2`) which no listener of the edges speaks: browsers
// believe it, and fail or lose time.
void check_alpn(const edge::EdgeConfig& edge, const dns::World& world, shared::load::Diagnostics& diagnostics);

// A route's host in one of our zones that the zone does not have is most likely misspelt.
void check_hosts(const edge::EdgeConfig& edge, const dns::ZoneSet& zones, shared::load::Diagnostics& diagnostics);

// The user that the servers become, and the folder of the access log. `edge` may be null.
void check_machine(const shared::load::Config& config, const edge::EdgeConfig* edge,
                   shared::load::Diagnostics& diagnostics);

}  // namespace cli
