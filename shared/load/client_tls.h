#pragma once
// TLS towards servers, as it is written (ClientTlsConfig, read by its table) and once its files are read (ClientTls):
// whose certificates are trusted, which name is asked for, what is shown. The same for pools' servers and for whom the
// control loop asks (checks, probes). Builder's thread; values, any thread.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/load/certified_key.h"
#include "shared/load/diagnostics.h"

namespace shared {

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

// Nothing is verified by default, as probes have it: an expired certificate is the same on every server, and must not
// take all of them down at once.
struct ClientTls {
  bool verify = false;
  std::shared_ptr<const std::string> authorities{};  // PEM, shared by many targets; null: the system's
  std::string server_name{};  // SNI and, verified, the certificate's; empty: whoever asks says which
  std::shared_ptr<const load::CertifiedKey> certified{};  // shown to who asks for it; null: nothing
  TlsVersion least = TlsVersion::v1_2;

  bool operator==(const ClientTls& other) const;
};

}  // namespace shared

namespace shared::load {

template <class T>
class Table;

struct ClientTlsConfig {
  bool verify = true;
  std::filesystem::path ca;
  std::string server_name;
  std::filesystem::path certificate;
  std::filesystem::path key;
  TlsVersion least = TlsVersion::v1_2;
  Position at;
};

[[nodiscard]] const Table<ClientTlsConfig>& client_tls_table();
// The files that it names.
[[nodiscard]] std::vector<std::filesystem::path> files_of(const ClientTlsConfig& config);
// With what its files hold; what cannot be used is an error.
[[nodiscard]] ClientTls read_client_tls(const ClientTlsConfig& config, std::chrono::system_clock::time_point now,
                                        Diagnostics& diagnostics);

// What `server_name` says in place of a name: that of the request.
inline constexpr std::string_view kRequestsHost = "{host}";

}  // namespace shared::load
