#pragma once
// A configuration of gdnsd and its zones: gdnsd.config(5), gdnsd-plugin-geoip(8) and its like. One thread.

#include <string>

#include "cli/import_plan.h"

namespace cli {

// `folder` has `config` and `zones/`. Errors: one of them cannot be read.
void import_gdnsd(const std::string& folder, ImportPlan& plan, shared::load::Diagnostics& diagnostics);

}  // namespace cli
