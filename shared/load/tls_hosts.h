#pragma once
// The `certificates:` of a listener, whatever the server: as they are written (CertificateConfig, read by its table)
// and as they are once their files are read (TlsHost). Builder's thread; values.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/load/certified_key.h"
#include "shared/load/diagnostics.h"
#include "shared/load/table.h"

namespace shared::load {

enum class ClientCertificates : std::uint8_t { none, optional, required };

struct ClientCertificatesConfig {
  std::filesystem::path ca;
  ClientCertificates mode = ClientCertificates::required;
};

struct CertificateConfig {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path ocsp;
  std::vector<std::string> names;  // empty: those of the certificate
  std::optional<ClientCertificatesConfig> client_certificates;
  Position at;
};

[[nodiscard]] const Table<CertificateConfig>& certificate_table();

// A host under TLS: its certificate, the names that lead to it, and what it wants of clients.
struct TlsHost {
  std::shared_ptr<const CertifiedKey> certified;
  std::vector<std::string> names{};  // in lower case: "www.example.com"; "*.example.com" stands for one label more
  ClientCertificates clients = ClientCertificates::none;
  std::shared_ptr<const std::string> client_authorities{};  // PEM, where clients show certificates
  std::string file{};                                       // of the certificate, for people
};

// In the same order; without those that cannot be used, which are errors.
[[nodiscard]] std::vector<TlsHost> read_tls_hosts(const std::vector<CertificateConfig>& configs,
                                                  std::chrono::system_clock::time_point now, Diagnostics& diagnostics);

// The keys of a file of session ticket keys: lines of 160 hexadecimal digits, `openssl rand -hex 80`; the first line
// encrypts. Each is 80 octets. Empty, with an error, if it cannot be used.
[[nodiscard]] std::vector<std::string> read_ticket_keys(const Located<std::filesystem::path>& file,
                                                        Diagnostics& diagnostics);

}  // namespace shared::load
