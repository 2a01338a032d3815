#pragma once
// `meridian geo diff`: which answers another geo database would move, under one configuration.

#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/moves.h"

namespace cli {

struct GeoDiffOptions {
  std::string before;
  std::string after;
  std::string config;
  MovesOptions moves;
};

void add_geo_diff(shared::Parser geo, const std::shared_ptr<GeoDiffOptions>& options);
Exit run_geo_diff(const GeoDiffOptions& options);

}  // namespace cli
