// Any bytes as a geo database of which access lists want some countries: an Error, or networks of those alone.
#include <cstddef>
#include <cstdint>

#include "edge/load/countries.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  edge::CountryNetworks wanted{{"GB", {}}, {"US", {}}, {"ZZ", {}}};
  const auto read = edge::read_countries({data, size}, wanted);
  if (!read && read.error().message.empty()) __builtin_trap();
  if (!read) return 0;
  if (wanted.size() != 3) __builtin_trap();
  for (const auto& [code, networks] : wanted) {
    for (const shared::Prefix& network : networks) {
      if (network.length > shared::bits_of(network.address.family)) __builtin_trap();
    }
  }
  return 0;
}
