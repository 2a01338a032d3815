#pragma once
// The names whose policy may choose a region that is a CNAME, against the zones: a CNAME stands alone (RFC 1034 3.6.2,
// RFC 2181 10.1), for whatever client it is chosen. Pure, on the thread that builds.

#include "dns/core/steer/policy_tables.h"
#include "dns/core/zone/zone.h"
#include "dns/load/config/config.h"
#include "shared/load/diagnostics.h"

namespace dns {

// Errors, each at the name in `dns.names`: such a name is the apex of a zone, has records in the zone file, is the
// target of the CNAME, or serves a zone (RFC 2181 section 10.3). REQUIRES: both were built from `config`.
void check_cname_names(const ZoneSet& zones, const PolicyTables& policies, const Config& config,
                       shared::load::Diagnostics& diagnostics);

}  // namespace dns
