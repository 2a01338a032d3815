#pragma once
// Snapshot: everything that a query needs to know, immutable. Each part is rebuilt alone by Control and shared with the
// snapshots before and after it; the snapshot is published as one pointer, so parts that must agree always do. Workers
// hold it for a batch; the last reference is dropped on the Builder, never on a worker.

#include <cstdint>
#include <memory>
#include <string>

#include "dns/core/answer/response_cells.h"
#include "dns/core/wire/cookie.h"

namespace dns {

class ZoneSet;       // dns/core/zone/zone.h
class PolicyTables;  // dns/core/steer/steering.h
class AnswerSets;    // dns/core/steer/steering.h

// What the operator chose to say about this server.
struct Identity {
  std::string nsid;     // NSID (RFC 5001) and CH TXT id.server. / hostname.bind.; empty: REFUSED, and no NSID
  std::string version;  // CH TXT version.bind. / version.server.; empty: REFUSED
};

struct Snapshot {
  std::shared_ptr<const ZoneSet> zones;
  std::shared_ptr<const PolicyTables> policies;
  std::shared_ptr<const AnswerSets> answers;
  Identity identity;
  std::uint16_t udp_payload_size = 1232;  // octets: what we advertise and the most that a UDP reply takes
  CookieSecrets cookies;                  // none: cookies are not spoken
  RateLimit rate_limit;
  std::uint64_t generation = 0;  // counts publications; for /status and tests
};

}  // namespace dns
