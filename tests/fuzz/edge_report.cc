// Whatever answers a DNS node's probe: reading it is safe, and what is understood can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "shared/core/edge_report.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto report = shared::parse_edge_report({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  const std::string text = write(*report);
  require(text.size() <= shared::EdgeReport::kMaxSize);
  const auto again = shared::parse_edge_report(text);
  require(again.has_value());
  auto expected = *report;
  require(again->pools.size() <= expected.pools.size());
  expected.pools.resize(again->pools.size());  // escapes may have made it longer than a page may be
  require(*again == expected);
  require(write(*again) == text);
  return 0;
}
