// Any bytes as a geo database: an Error or a database that can be asked, never a crash.
#include <cstddef>
#include <cstdint>

#include "dns/load/geo/mmdb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto database = dns::read_mmdb({data, size}, "fuzz");
  if (!database) return database.error().message.empty() ? 1 : 0;
  const auto& asked = **database;
  for (const char* text : {"0.0.0.0", "255.255.255.255", "128.32.0.1", "::", "2001:db8::1", "ffff::"}) {
    (void)asked.record(asked.lookup(*shared::IpAddress::parse(text)).id);
  }
  return 0;
}
