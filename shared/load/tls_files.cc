#include "shared/load/tls_files.h"

#include <algorithm>

#include <sys/stat.h>

#include "shared/core/hash.h"

namespace shared::load {

void add_files(const std::vector<CertificateConfig>& certificates, TlsFiles& files) {
  for (const CertificateConfig& one : certificates) {
    files.insert(files.end(), {one.certificate, one.key, one.ocsp});
    if (one.client_certificates) files.push_back(one.client_certificates->ca);
  }
}

void settle(TlsFiles& files) {
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  std::erase(files, std::filesystem::path());
}

std::uint64_t stamp_of(const TlsFiles& files) {
  std::uint64_t stamp = 0;
  for (const std::filesystem::path& file : files) {
    struct stat seen{};
    if (::stat(file.c_str(), &seen) != 0) seen = {};
    for (const std::uint64_t part :
         {std::uint64_t{seen.st_ino}, static_cast<std::uint64_t>(seen.st_size),
          static_cast<std::uint64_t>(seen.st_mtim.tv_sec), static_cast<std::uint64_t>(seen.st_mtim.tv_nsec)}) {
      stamp = mix(stamp ^ part);
    }
  }
  return stamp;
}

}  // namespace shared::load
