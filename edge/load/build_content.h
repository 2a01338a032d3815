#pragma once
// From what the configuration says of files and compression to what routes have of them. Looks at the roots and at the
// system's table of media types: the Builder's thread.

#include <memory>

#include "edge/core/content/compression.h"
#include "edge/core/content/static_files.h"
#include "edge/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

// /etc/mime.types on top of the small table.
[[nodiscard]] std::shared_ptr<const MimeTypes> read_mime_types(const std::filesystem::path& file);

// A root that is no directory, or may not be read, is an error. REQUIRES: the route has `files`.
[[nodiscard]] StaticFiles build_files(const RouteConfig& route, std::shared_ptr<const MimeTypes> types,
                                      shared::load::Diagnostics& diagnostics);

// The route's on top of the edge's; null: nothing is compressed.
[[nodiscard]] std::shared_ptr<const Compression> build_compression(const std::optional<CompressionConfig>& general,
                                                                   const std::optional<CompressionConfig>& own);

}  // namespace edge
