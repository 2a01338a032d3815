#pragma once
// What makes two routes the same one, and the names of those that have none. Names are labels of metrics and seeds of
// shares, so they depend on the route alone and not on its neighbours. Pure, any thread.

#include <cstddef>
#include <string>

#include "edge/load/config.h"

namespace edge {

// "shop.example/api": host and path, the latter without its final slash, as matching sees it.
[[nodiscard]] std::string route_place(const RouteConfig& route);
// " tier=free|standard method=GET header=X-Beta:1": empty when there are none.
[[nodiscard]] std::string route_conditions(const RouteConfig& route);
// The configured name, else place and conditions.
[[nodiscard]] std::string route_name(const RouteConfig& route);
// Segments of the path.
[[nodiscard]] std::size_t route_depth(const RouteConfig& route);

// "GET"; empty for Method::other.
[[nodiscard]] std::string_view method_name(http::Method method);

}  // namespace edge
