#pragma once
// A configuration of gdnsd and its zones: gdnsd.config(5), gdnsd-plugin-geoip(8) and its like. One thread.

#include <filesystem>
#include <string>
#include <vector>

#include "cli/import_plan.h"
#include "shared/load/node.h"

namespace cli {

// `folder` has `config` and `zones/`. Errors: one of them cannot be read.
void import_gdnsd(const std::string& folder, ImportPlan& plan, shared::load::Diagnostics& diagnostics);

struct GdnsdZoneFile {
  std::filesystem::path path;  // named after its zone
  std::string text;
};
// The same of what was read: `config` is the whole file of that name in `folder`, and outlives the call.
void import_gdnsd(const shared::load::Node& config, const std::filesystem::path& folder,
                  const std::vector<GdnsdZoneFile>& zones, ImportPlan& plan);

}  // namespace cli
