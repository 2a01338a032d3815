#pragma once
// judge_records(): are the records that an import has taken over good ones? What is wrong with their values is told
// with its place in the file that they come from, where it has to be mended, and not only by `meridian check` of what
// was made. One thread.

#include <string>
#include <string_view>

#include "cli/import_plan.h"

namespace cli {

// `text` is what is written for the zone: a head of ours, then `made.text`. Adds to `plan.lost`.
void judge_records(ImportPlan& plan, const std::string& zone, const ImportZone& made, std::string_view text);

}  // namespace cli
