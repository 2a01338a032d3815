#pragma once
// CacheRecord: what is known of a stored response beside its octets: its head, how fresh it is and which requests it
// answers. Value type, any thread.

#include <string>

#include "edge/core/cache/freshness.h"
#include "edge/core/cache/stored_head.h"
#include "shared/http/date.h"
#include "shared/http/framing.h"

namespace edge {

struct CacheRecord {
  StoredHead head;
  Freshness freshness;
  http::UnixSeconds heard_at = 0;
  std::string url;
  std::string selector;
  std::string vary_names;   // see vary.h
  std::string vary_values;  // of the request that it answered
  http::Body framing;       // as the server framed it
};

}  // namespace edge
