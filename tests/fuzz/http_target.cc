// Paths: what normalisation gives is normal (a second time changes nothing), keeps no dot segment and no empty one, and
// a path that reaches a route does not reach another one when an upstream decodes it further.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/route.h"
#include "edge/core/target.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const edge::RouteTable& table() {
  static const edge::RouteTable routes = [] {
    std::vector<edge::Route> list(4);
    list[0].path = "/admin/";
    list[1].path = "/api/";
    list[2].path = "=/login";
    list[3].path = "/";
    for (edge::Route& route : list) route.name = route.path;
    return edge::RouteTable(std::move(list), 1);
  }();
  return routes;
}

void check_segments(std::string_view path) {
  require(path.front() == '/');
  require(path.find("//") == std::string_view::npos && path.find('\\') == std::string_view::npos);
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    require(segment != "." && segment != "..");
    begin = end + 1;
  }
}

void check_route(std::string_view path) {
  const edge::FieldList fields;
  const edge::RequestInfo info{"shop.example", path, edge::Method::get, {}, {}, fields};
  edge::TargetScratch scratch;
  shared::NullTrace trace;
  const auto route = edge::match(table(), info, scratch, trace);
  if (!route) return require(route.error().status == 400);
  std::string twin;
  if (!edge::decode_twin(path, twin)) return;
  edge::RequestInfo twin_info = info;
  twin_info.path = twin;
  require(table().find(twin_info, trace) == *route);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = "/" + std::string(reinterpret_cast<const char*>(data), size);
  (void)edge::parse_authority(std::string_view(path).substr(1));
  std::string once;
  const auto normal = edge::normalise_path(path, once);
  if (!normal) {
    require(normal.error().status == 400);
    return 0;
  }
  check_segments(*normal);
  std::string twice;
  const auto again = edge::normalise_path(*normal, twice);
  require(again && *again == *normal);
  check_route(*normal);
  return 0;
}
