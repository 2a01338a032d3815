// Accept-Encoding: a coding is chosen only if it is offered and acceptable, and no other one is liked better.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/content/accept_encoding.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  http::FieldList fields;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!fields.push({.name = "Accept-Encoding", .value = text.substr(0, end), .id = http::FieldId::accept_encoding}))
      break;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  const edge::AcceptedCodings accepted(fields);
  constexpr std::array kOffered{edge::Coding::br, edge::Coding::zstd, edge::Coding::gzip};
  const edge::Coding best = accepted.choose(kOffered);
  require(best == edge::Coding::identity || accepted.quality(best) > 0);
  for (const edge::Coding coding : kOffered) {
    require(accepted.quality(coding) >= 0 && accepted.quality(coding) <= 1000);
    require(accepted.quality(coding) <= accepted.quality(best));
  }
  return 0;
}
