#pragma once
// A zone file of gdnsd without its dynamic records: DYNA and DYNC are taken out and told, all else stays as it is
// written. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/import_plan.h"

namespace cli {

struct GdnsdDynamic {
  std::string name;      // "www.example.com"
  std::string resource;  // "geoip!prod_www", "geoip!prod_www/dc-01"
  bool cname = false;    // DYNC
  std::uint32_t ttl_min = 0, ttl_max = 0;
  shared::load::Position at;
};

struct GdnsdZone {
  ImportZone plain;
  std::vector<GdnsdDynamic> dynamic;
};

// What stands in the file and means nothing here is told in `plan.lost`.
[[nodiscard]] GdnsdZone read_gdnsd_zone(std::string_view text, const std::string& file, const std::string& zone,
                                        ImportPlan& plan);

}  // namespace cli
