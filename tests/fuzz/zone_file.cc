// A zone file of arbitrary bytes, which may include itself: read to the end, with errors or with a zone, never a crash.
#include "dns/load/zone/zone_file.h"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dns::ZoneFileSettings settings;
  settings.include_depth = 2;
  settings.generated = 200;
  settings.read_file = [data, size](const std::filesystem::path&) -> shared::Result<std::string> {
    return std::string(data, data + size);
  };
  dns::ZoneSource source;
  source.origin = *dns::Name::from_text("example.com");
  source.file = "zone";
  source.marks.push_back({*dns::Name::from_text("www.example.com"), dns::PolicyNameId{0}, {}});
  shared::load::Diagnostics diagnostics;
  const auto zone = dns::load_zone_file(source, settings, diagnostics);
  if ((zone == nullptr) != diagnostics.failed()) __builtin_trap();
  return 0;
}
