// Chunked bodies: the same data, end and verdict however the octets arrive, and what we encode again decodes to the
// same.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "shared/http/chunked.h"

namespace {

using http::ChunkEvent;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Decoded {
  ChunkEvent end = ChunkEvent::need_more;
  std::string data;
  std::size_t consumed = 0;

  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, std::size_t piece, http::Sender sender) {
  Decoded decoded;
  http::ChunkDecoder decoder(sender);
  std::size_t available = 0;
  while (true) {
    const http::ChunkStep step = decoder.next(text.substr(decoded.consumed, available - decoded.consumed));
    decoded.end = step.event;
    decoded.consumed += step.consumed;
    require(decoded.consumed <= available);
    if (step.event == ChunkEvent::data) {
      require(!step.data.empty());
      decoded.data += step.data;
    } else if (step.event == ChunkEvent::trailer) {
      require(http::trailer_allowed(step.trailer.name));
    } else if (step.event == ChunkEvent::need_more && available < text.size()) {
      available = std::min(text.size(), available + piece);
    } else {
      return decoded;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const http::Sender sender = data[0] >= 128 ? http::Sender::server : http::Sender::client;
  const Decoded whole = decode(text, text.size() + 1, sender);
  const Decoded pieces = decode(text, 1 + data[0] % 16, sender);
  require(whole.end == pieces.end && whole.data == pieces.data);
  if (whole.end != ChunkEvent::done) return 0;
  require(whole.consumed == pieces.consumed);
  if (whole.data.empty()) return 0;
  std::array<char, http::kChunkHeadSize> head{};
  std::string again(head.data(), http::write_chunk_head(head, whole.data.size()));
  again += whole.data;
  again += http::kChunkEnd;
  again += "0\r\n\r\n";
  const Decoded twice = decode(again, again.size(), http::Sender::client);  // the stricter one
  require(twice.end == ChunkEvent::done && twice.data == whole.data && twice.consumed == again.size());
  return 0;
}
