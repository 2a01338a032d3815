#include "edge/serve/client/client_header.h"

namespace edge {

shared::ProxyHeader client_header(const Introduction* introduction, const Stream& stream,
                                  const shared::Endpoint& peer) {
  shared::ProxyHeader header;
  if (introduction != nullptr) {
    header = header_of(*introduction);
  } else {
    header.tells = true;
    header.source = peer;
    header.destination = stream.local_endpoint();
  }
  header.tls = header.tls || stream.layered();
  return header;
}

}  // namespace edge
