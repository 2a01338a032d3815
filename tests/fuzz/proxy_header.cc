// The header of the PROXY protocol: the verdict does not depend on how the octets arrive, it ends where it says, and
// what was read, written and read again is the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "shared/core/proxy_header.h"

namespace {

using shared::ProxyHeader;
using shared::ProxyRead;
using shared::ProxyVersion;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_written(const ProxyHeader& header, ProxyVersion version) {
  const std::string text = write_proxy_header(version, header);
  const ProxyRead again = shared::read_proxy_header(text);
  require(text.size() > shared::kMaxProxyHeader || again.state == ProxyRead::State::complete);
  if (again.state != ProxyRead::State::complete) return;
  require(again.size == text.size() && again.header.tells == header.tells);
  require(again.header.source == header.source && again.header.destination == header.destination);
  if (version == ProxyVersion::v1 || !header.tells) return;
  require(again.header.authority == header.authority && again.header.alpn == header.alpn);
  require(again.header.unique_id == header.unique_id && again.header.tls == header.tls);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const ProxyRead whole = shared::read_proxy_header(octets);
  require(whole.state != ProxyRead::State::incomplete || size < shared::kMaxProxyHeader);
  require((whole.state == ProxyRead::State::bad) == !whole.why.empty());
  ProxyRead pieces;
  for (std::size_t n = 0; n <= size && pieces.state == ProxyRead::State::incomplete; ++n) {
    pieces = shared::read_proxy_header(octets.substr(0, n));
    if (pieces.state == ProxyRead::State::complete) require(n == pieces.size);
  }
  require(pieces.state == whole.state && (whole.state != ProxyRead::State::complete || pieces.size == whole.size));
  if (whole.state != ProxyRead::State::complete) return 0;
  require(whole.size <= size && whole.size <= shared::kMaxProxyHeader);
  check_written(whole.header, ProxyVersion::v1);
  check_written(whole.header, ProxyVersion::v2);
  return 0;
}
