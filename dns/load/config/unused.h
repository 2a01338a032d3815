#pragma once
// What stands in a configuration and is used by nothing: policies that no name has, regions that no policy names. A
// warning each, since a misspelt reference elsewhere often leaves one behind. Pure; called by whoever checks or builds.

#include "dns/load/config/config.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace dns {

void warn_of_unused(const Config& config, const shared::load::Config& common, shared::load::Diagnostics& diagnostics);

}  // namespace dns
