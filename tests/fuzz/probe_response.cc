// Whatever a probed peer answers: reading it is safe, bounded, and does not depend on how the bytes were cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "shared/serve/probe/probe_response.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  shared::ProbeResponse whole;
  whole.feed(bytes);
  shared::ProbeResponse pieces;
  for (std::size_t at = 0; at < bytes.size(); at += step) pieces.feed(bytes.substr(at, step));
  for (int round = 0; round < 2; ++round) {
    require(whole.done() == pieces.done() && whole.bad() == pieces.bad());
    require(!(whole.done() && whole.bad()));
    require(whole.status() == pieces.status() && whole.body() == pieces.body() && whole.error() == pieces.error());
    require(whole.body().size() <= 4096);
    require(!whole.done() || whole.keep_alive() == pieces.keep_alive());
    whole.feed_end();
    pieces.feed_end();
  }
  require(whole.done() || whole.bad());
  return 0;
}
