// Any octets as the beginning of a TLS connection: what is said of a part holds for the whole, whatever follows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/message/client_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using State = edge::ClientHello::State;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const edge::ClientHello whole = edge::read_client_hello(octets);
  if (whole.state == State::incomplete && (whole.needed <= size || whole.needed > edge::kMaxClientHello)) std::abort();
  if (whole.state == State::bad && whole.reason.empty()) std::abort();
  for (const char c : whole.name) {
    if (c >= 'A' && c <= 'Z') std::abort();
  }
  for (std::size_t part = 0; part < size; part += 1 + size / 16) {
    const edge::ClientHello early = edge::read_client_hello(octets.substr(0, part));
    if (early.state == State::incomplete) {
      if (early.needed <= part) std::abort();
    } else if (early.state != whole.state || early.name != whole.name) {
      std::abort();
    }
  }
  return 0;
}
