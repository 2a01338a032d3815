// Whatever a probed peer answers: reading it is safe, bounded, and does not depend on how the bytes were cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "shared/http/response_reader.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  http::ResponseReader whole;
  whole.feed(bytes);
  http::ResponseReader pieces;
  for (std::size_t at = 0; at < bytes.size(); at += step) pieces.feed(bytes.substr(at, step));
  // In pieces a broken head may be noticed later: at the end of a line.
  require(whole.done() == pieces.done() && (whole.bad() || !pieces.bad()));
  whole.feed_end();
  pieces.feed_end();
  require(whole.done() == pieces.done() && whole.bad() == pieces.bad() && whole.done() != whole.bad());
  require(whole.body().size() <= 4096);
  if (whole.bad()) {
    require(!whole.error().empty() && !pieces.error().empty());
    return 0;
  }
  require(whole.status() == pieces.status() && whole.body() == pieces.body());
  require(whole.body_complete() == pieces.body_complete() && whole.keep_alive() == pieces.keep_alive());
  return 0;
}
