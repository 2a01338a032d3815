// Vary and what requests say in the fields that it names: the names are in order and each once, a star is found, the
// same request is always the same variant, and an order of lines is none.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/cache/cache_key.h"
#include "edge/core/cache/vary.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string values(std::string_view names, const http::FieldList& request) {
  std::string out;
  edge::append_vary_values(names, request, out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view vary = text.substr(0, line);
  const std::string_view rest = text.substr(std::min(line + 1, text.size()));
  http::FieldList response;
  require(response.push({.name = "Vary", .value = vary, .id = http::FieldId::vary}));
  const bool everything = edge::varies_by_everything(response);
  http::for_each_element(vary, [&](std::string_view name) { require(everything || name != "*"); });
  const std::string names = edge::vary_names(response);
  std::string_view before;
  http::for_each_element(names, [&](std::string_view name) {
    require(before.empty() || before < name);
    before = name;
  });
  http::FieldList request;
  http::FieldList more;
  require(more.push({.name = "x-never-named-", .value = "1", .id = http::FieldId::other}));
  for (const std::string_view name : {std::string_view("Foo"), std::string_view("Accept-Language")}) {
    require(request.push({.name = name, .value = rest, .id = http::FieldId::other}));
    require(more.push({.name = name, .value = rest, .id = http::FieldId::other}));
  }
  if (names.find("x-never-named-") == std::string::npos) require(values(names, request) == values(names, more));
  require(!edge::holds_tag(rest, ""));
  return 0;
}
