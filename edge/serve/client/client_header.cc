#include "edge/serve/client/client_header.h"

#include <algorithm>
#include <string_view>

namespace edge {

namespace {

// The value of the first CN in a subject as RFC 2253 writes it, as it stands there; empty: it has none.
std::string_view common_name(std::string_view subject) {
  while (!subject.empty()) {
    std::size_t end = 0;
    while (end < subject.size() && subject[end] != ',' && subject[end] != '+') end += subject[end] == '\\' ? 2 : 1;
    const std::string_view part = subject.substr(0, end);
    if (part.starts_with("CN=")) return part.substr(3);
    subject.remove_prefix(std::min(subject.size(), end + 1));
  }
  return {};
}

// TLS that ends here.
void tell_tls(const shared::TlsFacts& tls, shared::ProxyHeader& header) {
  header.tls = true;
  header.tls_version = tls.version;
  header.tls_client = common_name(tls.peer_subject);
  header.tls_verified = !tls.peer_subject.empty();  // a bad one never gets as far as this
  if (header.authority.empty()) header.authority = tls.server_name;
  if (header.alpn.empty()) header.alpn = tls.alpn;
}

}  // namespace

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
  if (!header.tls && stream.tls() != nullptr) tell_tls(stream.tls()->facts(), header);
  return header;
}

}  // namespace edge
