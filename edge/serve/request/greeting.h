#pragma once
// Greeting: the PROXY header with which a connection to a server begins, if its pool wants one: who the client is, as
// lists and X-Real-IP have it, and what is known of its connection. Called on a request's worker.

#include <string>

#include "edge/core/pool/pool.h"
#include "edge/serve/request/request_source.h"

namespace edge {

struct Greeting {
  // What a kept connection must have been told to be of use; empty: nothing.
  std::string about;
  // The header: the same, and an id of the connection, which is the request's if no proxy in front has given it one.
  std::string octets;
};

[[nodiscard]] Greeting greeting_for(const Pool& pool, const RequestSource& source, const shared::IpAddress& client,
                                    std::string_view request_id);

}  // namespace edge
