// Cache-Control and CDN-Cache-Control, of answers and of requests: what is read lies inside the field, a lifetime is a
// number that was written or 0, and what says no-store in plain words is heard whatever stands around it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/freshness.h"
#include "edge/core/cache/reuse.h"
#include "edge/core/cache/storing.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

http::FieldList fields_of(std::string_view text, bool targeted) {
  http::FieldList fields;
  const std::string_view name = targeted ? "CDN-Cache-Control" : "Cache-Control";
  require(fields.push({.name = name, .value = text, .id = http::field_id(name)}));
  return fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool targeted : {false, true}) {
    http::ResponseHead head;
    head.status = 200;
    head.fields = fields_of(text, targeted);
    const edge::ResponseDirectives found = edge::response_directives(head.fields);
    require(!found.targeted || targeted);
    for (std::size_t i = 0; i < found.omitted_count; ++i) require(lies_in(found.omitted[i], text));
    static_cast<void>(found.omits("set-cookie"));
    const edge::Freshness made = edge::freshness_of(head, found, edge::CacheRule{}, {});
    require(made.lifetime <= edge::kMaxDelta && (!found.revalidates() || made.stale_if_error == 0));
    const std::string_view why = edge::why_not_stored({}, head, found, edge::CacheRule{}, 0);
    require(!(found.no_store && !found.must_understand && why.empty()));
  }
  const http::FieldList lines = [&] {
    http::FieldList fields = fields_of(text, false);
    require(fields.push({.name = "Cache-Control", .value = "No-Store", .id = http::FieldId::cache_control}));
    return fields;
  }();
  require(edge::response_directives(lines).no_store);
  const edge::RequestDirectives request = edge::request_directives(fields_of(text, false));
  static_cast<void>(edge::rule_reuse({}, request, false, {}));
  return 0;
}
