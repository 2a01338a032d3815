#pragma once
// The continent of a country, for geo databases that have countries alone. Pure, any thread.

#include <string_view>

namespace dns {

// "EU" for "DE" (ISO 3166-1 alpha-2, upper case), as GeoLite2 counts them; empty: no such country.
[[nodiscard]] std::string_view continent_of(std::string_view country);

}  // namespace dns
