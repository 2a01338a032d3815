#pragma once
// Zones as octoDNS's YAML provider has them: https://octodns.readthedocs.io, "Dynamic Record Support". One thread.

#include <string>

#include "cli/import_plan.h"

namespace cli {

// Adds one zone to the plan. `zone` empty: the file is named after it. Errors: the file is no YAML, or no zone.
void import_octodns(const std::string& file, const std::string& zone, ImportPlan& plan,
                    shared::load::Diagnostics& diagnostics);

}  // namespace cli
