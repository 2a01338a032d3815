#include "shared/serve/tls/host_words.h"

namespace shared {

std::string words_for(const TlsServer& server, std::string_view name) {
  const load::TlsHost& host = server.settings().hosts[server.host_of(name)];
  std::string words = host.file;
  for (const std::string& known : host.names) words += (&known == &host.names.front() ? ", for " : ", ") + known;
  if (host.clients == load::ClientCertificates::required) words += "; clients have to show a certificate";
  if (host.clients == load::ClientCertificates::optional) words += "; clients may show a certificate";
  return words;
}

}  // namespace shared
