// Paths: what normalisation gives is normal (a second time changes nothing), keeps no dot segment and, merged, no empty
// one; a path that reaches a route does not reach another one as it is forwarded or when an upstream decodes it
// further.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/message/target.h"
#include "edge/core/route/route.h"

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
  require(path.find('\\') == std::string_view::npos);
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    require(segment != "." && segment != "..");
    begin = end + 1;
  }
}

void check_route(const edge::NormalPath& path) {
  const http::FieldList fields;
  const edge::RequestInfo info{"shop.example", path.merged, http::Method::get, {}, {}, fields, path.kept};
  edge::TargetScratch scratch;
  shared::NullTrace trace;
  const auto route = edge::match(table(), info, scratch, trace);
  if (!route) return require(route.error().status == 400);
  edge::RequestInfo other = info;
  std::string plain;
  edge::cut_parameters(path.kept, plain);
  other.path = plain;
  require(table().find(other, trace) == *route);
  std::string twin;
  for (const edge::Slashes slashes : {edge::Slashes::merge, edge::Slashes::keep}) {
    if (!edge::decode_twin(path.kept, slashes, twin)) return;
    other.path = twin;
    require(table().find(other, trace) == *route);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = "/" + std::string(reinterpret_cast<const char*>(data), size);
  (void)edge::parse_authority(std::string_view(path).substr(1));
  edge::TargetScratch once;
  const auto normal = edge::normalise_path(path, once);
  if (!normal) {
    require(normal.error().status == 400);
    return 0;
  }
  check_segments(normal->merged);
  check_segments(normal->kept);
  require(normal->merged.find("//") == std::string_view::npos);
  edge::TargetScratch twice;
  const auto merged = edge::normalise_path(normal->merged, twice);
  require(merged && merged->merged == normal->merged && merged->kept == normal->merged);
  const auto kept = edge::normalise_path(normal->kept, twice);
  require(kept && kept->kept == normal->kept);
  check_route(*normal);
  return 0;
}
