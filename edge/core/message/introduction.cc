#include "edge/core/message/introduction.h"

namespace edge {

std::shared_ptr<const Introduction> introduce(const shared::ProxyHeader& header) {
  if (!header.tells) return nullptr;
  auto made = std::make_shared<Introduction>();
  made->source = {unmapped(header.source.address), header.source.port};
  made->destination = {unmapped(header.destination.address), header.destination.port};
  made->authority = header.authority;
  made->alpn = header.alpn;
  made->unique_id = header.unique_id;
  made->tls_version = header.tls_version;
  made->tls_client = header.tls_client;
  made->tls = header.tls;
  made->tls_verified = header.tls_verified;
  return made;
}

shared::ProxyHeader header_of(const Introduction& introduction) {
  return {.tells = true,
          .source = introduction.source,
          .destination = introduction.destination,
          .authority = introduction.authority,
          .alpn = introduction.alpn,
          .unique_id = introduction.unique_id,
          .tls = introduction.tls,
          .tls_version = introduction.tls_version,
          .tls_client = introduction.tls_client,
          .tls_verified = introduction.tls_verified};
}

}  // namespace edge
