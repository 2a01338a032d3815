#pragma once
// All zones of a configuration: which there are, which names of them a policy answers, and their files read. At a start
// a zone that cannot be read does not take the others with it: ZoneCare. Blocks on files; the Builder's work and that
// of `meridian check`.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/core/zone/zone.h"
#include "dns/load/config/config.h"
#include "shared/load/diagnostics.h"
#include "shared/load/files.h"

namespace dns {

// What a start does about zones that cannot be read: each is taken from the copy of all files that were last good; one
// that is new, so that the copy does not have it, is left out.
struct ZoneCare {
  std::optional<shared::load::Files> copy;         // nothing: there is none, and a broken zone is an error
  std::vector<shared::load::Diagnostic> problems;  // what is wrong with the files as they are
  std::vector<std::string> from_copy;              // origins
  std::vector<std::string> left_out;
};

// Null: an error has been added. Without a copy a zone that cannot be read is one; with it only where nothing is left
// to serve, where a zone around it would answer in its place, or where its copy is as bad (its files are not the
// trouble).
[[nodiscard]] std::shared_ptr<const ZoneSet> load_zones(const Config& config, const shared::load::Files& files,
                                                        ZoneCare* care, shared::load::Diagnostics& diagnostics);

// Warns of each zone whose SOA serial is behind (RFC 1982) the one that was served before: secondaries would not
// follow.
void warn_of_serials(const ZoneSet& before, const ZoneSet& after, const Config& config,
                     shared::load::Diagnostics& diagnostics);

}  // namespace dns
