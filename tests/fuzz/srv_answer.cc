// Any bytes as a DNS response with SRV records: records that can be used as they are, or an error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "shared/serve/resolve/srv_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer = shared::parse_srv_answer(std::span(data, size));
  if (!answer) {
    if (answer.error().message.empty()) std::abort();
    return 0;
  }
  if (answer->records.empty() || answer->ttl < shared::seconds(0)) std::abort();
  if (!std::ranges::is_sorted(answer->records)) std::abort();
  for (const shared::SrvRecord& record : answer->records) {
    if (record.port == 0 || record.target.empty() || record.target.size() > 255) std::abort();
    const bool plain = std::ranges::all_of(record.target, [](char c) { return c > ' ' && c < 0x7F && c != '"'; });
    if (!plain) std::abort();
  }
  return 0;
}
