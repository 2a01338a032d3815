#include "dns/load/zone/zone_file.h"

#include "dns/load/zone/zone_reader.h"
#include "shared/load/file.h"

namespace dns {
ZoneFileSettings::ZoneFileSettings() : read_file([](const auto& path) { return shared::load::read_file(path); }) {}

std::shared_ptr<const Zone> load_zone_file(const ZoneSource& source, const ZoneFileSettings& settings,
                                           shared::load::Diagnostics& diagnostics) {
  return ZoneReader(source, settings, diagnostics).read();
}

}  // namespace dns
