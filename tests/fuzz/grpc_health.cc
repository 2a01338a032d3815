// What a server answers to grpc.health.v1's Check: one of four words or nothing, whatever the octets.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "shared/core/grpc_health.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (const auto status = shared::read_grpc_health_response(octets)) {
    if (shared::name_of(*status).empty()) std::abort();
    // A field that nobody knows changes nothing.
    std::string longer(octets);
    const std::string_view unknown("\x7A\x01x", 3);
    longer.append(unknown);
    std::uint32_t length = 0;
    for (int i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(longer[static_cast<std::size_t>(i)]);
    length += 3;
    for (int i = 0; i < 4; ++i) longer[static_cast<std::size_t>(4 - i)] = static_cast<char>(length >> (8 * i));
    if (shared::read_grpc_health_response(longer) != status) std::abort();
  }
  if (size <= shared::kMaxServiceName && shared::write_grpc_health_request(octets).size() < size) std::abort();
  return 0;
}
