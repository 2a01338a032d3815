#include "edge/serve/request/greeting.h"

namespace edge {

Greeting greeting_for(const Pool& pool, const RequestSource& source, const shared::IpAddress& client,
                      std::string_view request_id) {
  if (!pool.proxy_protocol) return {};
  shared::ProxyHeader header = source.introduction();
  // A trusted proxy in between has told of somebody else, whose port nobody knows.
  if (header.tells && header.source.address != client) header.source = {client, 0};
  Greeting greeting;
  greeting.about = write_proxy_header(*pool.proxy_protocol, header);
  if (header.unique_id.empty()) header.unique_id = request_id;
  greeting.octets = write_proxy_header(*pool.proxy_protocol, header);
  return greeting;
}

}  // namespace edge
