#include "cli/health_play.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "shared/load/nearest.h"

namespace cli {

shared::Result<dns::HealthView> play_down(const std::vector<dns::Region>& regions,
                                          const std::vector<std::string>& down) {
  dns::HealthView view = dns::HealthView::all_up(regions);
  for (const std::string& name : down) {
    const auto region = std::find_if(regions.begin(), regions.end(), [&](const auto& r) { return r.name == name; });
    if (region == regions.end()) {
      std::vector<std::string_view> names;
      names.reserve(regions.size());
      for (const dns::Region& known : regions) names.push_back(known.name);
      return shared::fail("--down: unknown region '" + name + "'" + shared::load::suggestion(name, names));
    }
    dns::RegionView& played = view.regions[static_cast<std::size_t>(region - regions.begin())];
    std::fill(played.edges.begin(), played.edges.end(), dns::EdgeState::down);
    played.note = "played down";
  }
  return view;
}

}  // namespace cli
