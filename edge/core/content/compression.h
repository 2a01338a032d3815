#pragma once
// Compression: which answers are compressed on their way to a client, and how. Pure functions over immutable settings;
// a part of a Route, any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/content/accept_encoding.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

struct CompressionLevels {
  int gzip = 5;
  int br = 4;
  int zstd = 3;
};

struct Compression {
  // Between codings that a client likes as much the first.
  std::vector<Coding> codings{Coding::zstd, Coding::br, Coding::gzip};
  // "text/*", "application/json"; "+json" and "+xml" stand for all types with such an end.
  std::vector<std::string> types{"text/*",
                                 "application/json",
                                 "application/javascript",
                                 "application/xml",
                                 "application/manifest+json",
                                 "application/wasm",
                                 "image/svg+xml",
                                 "image/vnd.microsoft.icon",
                                 "font/ttf",
                                 "font/otf",
                                 "+json",
                                 "+xml"};
  std::uint64_t min_size = 1024;  // octets; what is smaller goes as it is
  CompressionLevels levels;

  // Is this Content-Type one of `types`? Parameters do not count.
  [[nodiscard]] bool takes(std::string_view content_type) const;
};

struct CompressionRuling {
  bool varies = false;               // another client might get it in another coding: Vary says so
  bool weakens = false;              // its tag stands for more than these octets
  Coding coding = Coding::identity;  // that it is sent in
};

// What is encoded already, a part of something (206, Content-Range), told not to be touched (no-transform), signed as
// it is (Content-Digest, Repr-Digest, Content-MD5), small, or of another type stays as it is.
[[nodiscard]] CompressionRuling rule_compression(const Compression& settings, const http::RequestHead& request,
                                                 const http::ResponseHead& answer,
                                                 const http::ResponseFraming& framing);

}  // namespace edge
