#pragma once
// Zone files: RFC 1035 master files with $ORIGIN, $TTL (RFC 2308), $INCLUDE and $GENERATE, the RR types of
// rdata_types.h and RFC 3597 unknown types, read record by record into a ZoneBuilder. The origin is the caller's, never
// guessed. Blocks on files; called by the Builder and by `meridian check`, one thread per call.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "dns/core/zone/zone.h"
#include "dns/core/zone/zone_builder.h"
#include "dns/load/config/signed_zones.h"
#include "shared/core/result.h"
#include "shared/load/diagnostics.h"

namespace dns {

// A name of the zone whose addresses come from a policy.
struct PolicyMark {
  Name name;
  PolicyNameId policy{};
  shared::load::Position at;  // where the configuration says so
  SteeredTypes types{};       // that the policy gives
};

struct ZoneSource {
  Name origin;
  std::filesystem::path file;
  std::vector<PolicyMark> marks;
  shared::load::Position at{};  // where the configuration names the file
};

struct ZoneFileSettings {
  // How a file is read whole; replaced by tests. An error's message is the reason alone.
  std::function<shared::Result<std::string>(const std::filesystem::path&)> read_file;
  unsigned include_depth = 10;
  std::uint32_t generated = 4'000'000;  // records that all $GENERATE of a zone may make
  std::size_t errors = 20;              // reported for one zone; then reading stops
  SignedZones signed_zones = SignedZones::refuse;

  ZoneFileSettings();  // reads from disk
};

// Reads the file and what it includes. Every problem goes to `diagnostics` with file, line and column; null when there
// was an error.
[[nodiscard]] std::shared_ptr<const Zone> load_zone_file(const ZoneSource& source, const ZoneFileSettings& settings,
                                                         shared::load::Diagnostics& diagnostics);

}  // namespace dns
