#include "dns/load/zone_file.h"

#include <malloc.h>

#include <mutex>

#include "dns/load/zone_reader.h"
#include "shared/load/file.h"

namespace dns {
namespace {

// ldns takes 64 KiB for each record and gives them back; with glibc's default the top of the heap goes back to the
// kernel and comes again each time: 9 us for a record instead of 1.3.
void keep_heap_top() {
  static std::once_flag once;
  std::call_once(once, [] { ::mallopt(M_TRIM_THRESHOLD, 16 << 20); });
}

}  // namespace

ZoneFileSettings::ZoneFileSettings() : read_file([](const auto& path) { return shared::load::read_file(path); }) {}

std::shared_ptr<const Zone> load_zone_file(const ZoneSource& source, const ZoneFileSettings& settings,
                                           shared::load::Diagnostics& diagnostics) {
  keep_heap_top();
  return ZoneReader(source, settings, diagnostics).read();
}

}  // namespace dns
