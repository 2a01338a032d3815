#pragma once
// Encoder: one body to gzip, br or zstd, piece by piece, by Debian's libraries. Its memory is bounded whatever comes:
// some 256 KiB for gzip, 1 MiB for the others, less for what is known to be small. Owned by who sends the body; one
// thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/content/compression.h"

namespace edge {

class Encoder {
 public:
  enum class Then : std::uint8_t {
    more,   // what is gathered may stay inside
    flush,  // all that came can be decoded from what has gone out
    end,    // nothing more comes
  };

  virtual ~Encoder() = default;

  // Appends to `out`. False: the library has failed; nothing more will come of it.
  [[nodiscard]] virtual bool encode(std::string_view in, Then then, std::string& out) = 0;
};

// `size`: octets of the body, if they are known. Null: no memory. REQUIRES: not identity.
[[nodiscard]] std::unique_ptr<Encoder> make_encoder(Coding coding, const CompressionLevels& levels,
                                                    std::optional<std::uint64_t> size);

}  // namespace edge
