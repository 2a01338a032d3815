#pragma once
// The files that TLS reads, as they are watched: which they are, and whether one of them has changed. Builder's thread;
// stamp_of() blocks on the files.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "shared/load/tls_hosts.h"

namespace shared::load {

using TlsFiles = std::vector<std::filesystem::path>;

// Those of a listener's certificates, behind what is there.
void add_files(const std::vector<CertificateConfig>& certificates, TlsFiles& files);
// Each once, and no empty path.
void settle(TlsFiles& files);
// A number that is another one when one of them was written or replaced.
[[nodiscard]] std::uint64_t stamp_of(const TlsFiles& files);

}  // namespace shared::load
