#include "shared/load/client_tls.h"

#include <algorithm>
#include <utility>

#include "shared/load/certificates.h"
#include "shared/load/table.h"

namespace shared {

bool ClientTls::operator==(const ClientTls& other) const {
  const bool same_authorities =
      authorities && other.authorities ? *authorities == *other.authorities : authorities == other.authorities;
  const bool same_certificate =
      certified && other.certified ? certified->same_as(*other.certified) : certified == other.certified;
  return same_authorities && same_certificate && verify == other.verify && server_name == other.server_name &&
         least == other.least;
}

}  // namespace shared

namespace shared::load {
namespace {

// A host name as in a certificate, an address, or the word for that of the request.
Reader<std::string> server_name() {
  return custom<std::string>("host name, or address, or `{host}`", [](const Node& node, Diagnostics& diagnostics) {
    std::optional<std::string> name;
    std::string text = node.is_scalar() ? std::string(node.text) : std::string();
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    const bool good = std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':';
    });
    if (text.empty() || text.size() > 253 || (!good && text != kRequestsHost)) {
      complain(node, node.describe() + " is neither a host name nor `{host}`, which is the request's own", diagnostics);
      return name;
    }
    name = std::move(text);
    return name;
  });
}

void check_client_tls(const ClientTlsConfig& config, const Node& node, Diagnostics& diagnostics) {
  if (!config.verify && !config.ca.empty()) {
    diagnostics.error(node.find("ca")->key_at, "ca has no effect: with verify: false certificates are taken unseen");
  }
  if (config.certificate.empty() && !config.key.empty()) {
    diagnostics.error(node.find("key")->key_at, "key has no effect without `certificate`");
  }
  if (!config.verify) {
    diagnostics.warning(node.at, "verify: false: whoever is in the way can read and change everything");
  }
}

}  // namespace

const Table<ClientTlsConfig>& client_tls_table() {
  static const auto table =
      Table<ClientTlsConfig>("tls",
                             "TLS towards servers, 1.2 and 1.3. Its files are read again at a reload and when they "
                             "change; connections that stand stay.")
          .field("verify", &ClientTlsConfig::verify, boolean(),
                 "Certificates must be of a known authority, in time and for the server's name")
          .field("ca", &ClientTlsConfig::ca, file_path(), "PEM of the authorities; empty: the system's")
          .field("server_name", &ClientTlsConfig::server_name, server_name(),
                 "Asked for (SNI), and wanted in the certificate; empty: the server's own name or address; `{host}`: "
                 "the host of the request")
          .field("certificate", &ClientTlsConfig::certificate, file_path(),
                 "PEM that is shown to servers that ask for one: the own, then its issuers; empty: none")
          .field("key", &ClientTlsConfig::key, file_path(),
                 "PEM of its private key, not encrypted; empty: in the same file")
          .field("min_version", &ClientTlsConfig::least,
                 one_of<TlsVersion>({{"1.2", TlsVersion::v1_2}, {"1.3", TlsVersion::v1_3}}), "Older ones are refused")
          .check(check_client_tls)
          .position(&ClientTlsConfig::at);
  return table;
}

std::vector<std::filesystem::path> files_of(const ClientTlsConfig& config) {
  std::vector<std::filesystem::path> files;
  for (const auto* file : {&config.ca, &config.certificate, &config.key}) {
    if (!file->empty()) files.push_back(*file);
  }
  return files;
}

ClientTls read_client_tls(const ClientTlsConfig& config, std::chrono::system_clock::time_point now,
                          Diagnostics& diagnostics) {
  ClientTls tls{.verify = config.verify, .server_name = config.server_name, .least = config.least};
  if (tls.server_name == kRequestsHost) tls.server_name.clear();
  if (!config.ca.empty()) {
    auto read = read_certificates(config.ca);
    if (read) tls.authorities = std::make_shared<const std::string>(std::move(*read));
    if (!read) diagnostics.error(config.at, "tls: ca: " + read.error().message);
  }
  if (!config.certificate.empty()) {
    tls.certified = read_certified_key({config.certificate, config.key, {}, config.at}, now, diagnostics);
  }
  return tls;
}

}  // namespace shared::load
