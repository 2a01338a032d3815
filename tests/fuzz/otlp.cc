// What a collector answers: understood or not, whatever the octets; and text that becomes UTF-8 of a bounded length,
// whatever it was.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/message/otlp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::string text = edge::span_text(octets);
  if (text.size() > edge::kMostSpanText || edge::span_text(text) != text) std::abort();
  if (const auto answer = edge::read_export_answer(octets)) {
    if (answer->rejected >> 63U != 0 || edge::span_text(answer->message) != answer->message) std::abort();
  }
  std::string batch;
  edge::append_batched(batch, octets);
  if (edge::next_batched(batch) != batch.size()) std::abort();
  std::string_view rest = octets;
  for (auto next = edge::next_batched(rest); next; next = edge::next_batched(rest)) {
    if (*next == 0 || *next > rest.size()) std::abort();
    rest.remove_prefix(*next);
  }
  return 0;
}
