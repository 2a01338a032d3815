#include "dns/core/health/region.h"

#include <cmath>
#include <numbers>

namespace dns {

double distance_km(const Location& from, const Location& to) {
  constexpr double kEarthRadius = 6371.0088;  // km, mean radius (IUGG)
  constexpr double kRadians = std::numbers::pi / 180;
  const double half_latitude = std::sin((to.latitude - from.latitude) * kRadians / 2);
  const double half_longitude = std::sin((to.longitude - from.longitude) * kRadians / 2);
  const double h = half_latitude * half_latitude + std::cos(from.latitude * kRadians) *
                                                       std::cos(to.latitude * kRadians) * half_longitude *
                                                       half_longitude;
  return 2 * kEarthRadius * std::asin(std::sqrt(std::fmin(1.0, h)));
}

}  // namespace dns
