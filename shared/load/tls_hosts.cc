#include "shared/load/tls_hosts.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "shared/load/certificates.h"
#include "shared/load/file.h"

namespace shared::load {
namespace {

constexpr std::size_t kTicketDigits = 160;  // 16 octets of name, 32 of cipher and 32 of hash
constexpr std::size_t kMostTicketKeys = 16;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// "www.example.com", "*.example.com", as they come by SNI: A-labels, in lower case.
Reader<std::string> tls_name() {
  return custom<std::string>("host name, or `*.` and one", [](const Node& node, Diagnostics& diagnostics) {
    std::optional<std::string> name;
    if (!node.is_scalar()) {
      complain(node, "a host name is wanted", diagnostics);
      return name;
    }
    std::string text(node.text);
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    const std::string_view bare = std::string_view(text).substr(text.starts_with("*.") ? 2 : 0);
    if (bare.empty() || bare.starts_with('.') || bare.ends_with('.') || !std::ranges::all_of(bare, is_name_char)) {
      complain(node, node.describe() + " is not a host name; a wildcard is `*.` before one", diagnostics);
      return name;
    }
    name = std::move(text);
    return name;
  });
}

const Table<ClientCertificatesConfig>& client_certificates_table() {
  static const auto table =
      Table<ClientCertificatesConfig>("certificates.client_certificates", "What clients show of themselves.")
          .required("ca", &ClientCertificatesConfig::ca, file_path(), "PEM of the authorities that sign them")
          .field("mode", &ClientCertificatesConfig::mode,
                 one_of<ClientCertificates>(
                     {{"required", ClientCertificates::required}, {"optional", ClientCertificates::optional}}),
                 "`required`: a client without one is refused; `optional`: it is let in. A bad one is refused by both");
  return table;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Empty: not such a line.
std::string ticket_key(std::string_view line) {
  std::string key;
  if (line.size() != kTicketDigits) return key;
  for (std::size_t i = 0; i < line.size(); i += 2) {
    const int high = digit(line[i]);
    const int low = digit(line[i + 1]);
    if (high < 0 || low < 0) return {};
    key += static_cast<char>(high * 16 + low);
  }
  return key;
}

void read_host(const CertificateConfig& config, TlsHost& host, Diagnostics& diagnostics) {
  host.file = config.certificate.string();
  host.names = config.names.empty() ? host.certified->names : config.names;
  for (const std::string& name : config.names) {
    X509* const own = host.certified->chain.front().get();
    if (name.starts_with('*') || X509_check_host(own, name.data(), name.size(), 0, nullptr) == 1) continue;
    diagnostics.warning(config.at, "names: " + config.certificate.string() + " is not for '" + name +
                                       "': clients that ask for it will refuse the certificate");
  }
  if (!config.client_certificates) return;
  host.clients = config.client_certificates->mode;
  auto read = read_certificates(config.client_certificates->ca);
  if (read) host.client_authorities = std::make_shared<const std::string>(std::move(*read));
  if (!read) diagnostics.error(config.at, "client_certificates: ca: " + read.error().message);
}

void judge_names(const std::vector<CertificateConfig>& configs, const std::vector<TlsHost>& hosts,
                 Diagnostics& diagnostics) {
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const Position& at = configs[i].at;
    if (hosts[i].names.empty() && i > 0) {
      diagnostics.error(at, "names: " + hosts[i].file +
                                " has no DNS name in subjectAltName: nobody would meet it; "
                                "write `names:`");
    }
    for (const std::string& name : hosts[i].names) {
      const auto [first, fresh] = seen.emplace(name, hosts[i].file);
      if (fresh) continue;
      diagnostics.warning(at, "names: '" + name + "' is that of " + first->second + ", too, which is used");
    }
  }
}

}  // namespace

const Table<CertificateConfig>& certificate_table() {
  static const auto table =
      Table<CertificateConfig>("certificates",
                               "One certificate of a listener that speaks TLS. The first one is for names that none of "
                               "them has, and for clients that ask for no name.")
          .required("certificate", &CertificateConfig::certificate, file_path(),
                    "PEM: the server's own, then its issuers in order (`fullchain`)")
          .field("key", &CertificateConfig::key, file_path(),
                 "PEM of its private key, not encrypted; empty: in the same file")
          .field("ocsp", &CertificateConfig::ocsp, file_path(),
                 "DER: an OCSP response, stapled to the handshake; another program renews it; empty: none")
          .field(
              "names", &CertificateConfig::names, list_of(tls_name()),
              "Host names for which it is; `*.example.com` for all names one label longer, exact names first; empty: "
              "those in the certificate")
          .field("client_certificates", &CertificateConfig::client_certificates,
                 optional_of(nested(client_certificates_table())),
                 "Clients show certificates here; a request for another host of the listener, whose rule differs, is "
                 "answered 421")
          .position(&CertificateConfig::at);
  return table;
}

std::vector<TlsHost> read_tls_hosts(const std::vector<CertificateConfig>& configs,
                                    std::chrono::system_clock::time_point now, Diagnostics& diagnostics) {
  std::vector<TlsHost> hosts;
  for (const CertificateConfig& config : configs) {
    TlsHost host;
    host.certified = read_certified_key({config.certificate, config.key, config.ocsp, config.at}, now, diagnostics);
    if (!host.certified) continue;
    read_host(config, host, diagnostics);
    hosts.push_back(std::move(host));
  }
  if (hosts.size() == configs.size()) judge_names(configs, hosts, diagnostics);
  return hosts;
}

std::vector<std::string> read_ticket_keys(const Located<std::filesystem::path>& file, Diagnostics& diagnostics) {
  const std::string name = file.value.string();
  auto text = read_file(file.value, {.largest = 64 * 1024});
  if (!text) {
    diagnostics.error(file.at, "ticket_keys: cannot read " + name + ": " + text.error().message);
    return {};
  }
  std::vector<std::string> keys;
  std::string_view rest = *text;
  bool good = true;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    keys.push_back(ticket_key(line));
    good = good && !keys.back().empty();
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (!good || keys.empty() || keys.size() > kMostTicketKeys) {
    diagnostics.error(file.at, "ticket_keys: " + name +
                                   " must hold 1 to 16 lines of 160 hexadecimal digits, the newest first: `openssl "
                                   "rand -hex 80` makes one");
    return {};
  }
  if (is_open_to_all(file.value)) {
    diagnostics.warning(file.at, "ticket_keys: everybody can read or write " + name + ": chmod o-rw");
  }
  return keys;
}

}  // namespace shared::load
