#pragma once
// CertifiedKey: a certificate with its chain and its private key, read from files and judged: whether the key fits, the
// chain is in order and whole, and how long it lasts. The key is never a text here, so that nothing can print it. Made
// on the Builder's thread, blocks on the files; immutable and shared after, any thread.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "shared/load/diagnostics.h"

namespace shared::load {

struct CertifiedKeyFiles {
  std::filesystem::path certificate;  // PEM: the server's own first, then each one's issuer
  std::filesystem::path key;          // PEM, not encrypted; empty: in the same file
  std::filesystem::path ocsp;         // DER, an answer to be stapled; empty: none
  Position at;
};

struct CertifiedKey {
  std::vector<std::shared_ptr<X509>> chain;  // never empty; the server's own first
  std::shared_ptr<EVP_PKEY> key;
  std::vector<std::string> names;  // DNS names of subjectAltName, in lower case: "www.example.com", "*.example.com"
  std::string subject;             // RFC 2253
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;  // of the one in the chain that ends first
  std::string ocsp;                                 // DER; empty: none
  std::chrono::system_clock::time_point ocsp_until = std::chrono::system_clock::time_point::max();  // then it is stale

  // Whether an own certificate and key are the same.
  [[nodiscard]] bool same_as(const CertifiedKey& other) const;
};

// Nothing, with errors that name file and remedy, if it cannot be used. What can be and is doubtful is a warning: it
// ends soon or has ended, its chain misses a part, others can read the key, its OCSP response is stale.
[[nodiscard]] std::shared_ptr<const CertifiedKey> read_certified_key(const CertifiedKeyFiles& files,
                                                                     std::chrono::system_clock::time_point now,
                                                                     Diagnostics& diagnostics);

}  // namespace shared::load
