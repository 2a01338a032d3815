#pragma once
// RegionNote: how a region is, in words for a person: status, explain, the log. Pure functions, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "dns/core/health/health_view.h"
#include "dns/core/health/override.h"
#include "shared/core/ip.h"

namespace dns {

// "up", "2 of 3 edges up", "not probed yet" ...
[[nodiscard]] std::string note_of(const std::vector<EdgeState>& edges);

// "drained by the operator (disk)"
[[nodiscard]] std::string by_operator(const Override& word);
// "192.0.2.1 drained by the operator (disk)"
[[nodiscard]] std::string by_operator(const Override& word, const shared::IpAddress& edge);

}  // namespace dns
