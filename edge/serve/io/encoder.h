#pragma once
// Encoder: one body to gzip, br or zstd, piece by piece, by Debian's libraries. Its memory is bounded whatever comes:
// some 256 KiB for gzip, 1 MiB for the others, less for what is known to be small. Owned by who sends the body; one
// thread.
//
// Encoders: makes them, and keeps for the next ones what is dear to make. A worker's.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/content/compression.h"

struct libdeflate_compressor;

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

// A stream of zlib with its tables, which are most of what a short body costs.
class DeflateStream;

class Encoders {
 public:
  Encoders();
  ~Encoders();
  Encoders(const Encoders&) = delete;
  Encoders& operator=(const Encoders&) = delete;

  // `size`: octets of the body, if they are known. Null: no memory. REQUIRES: not identity; this outlives the encoder.
  [[nodiscard]] std::unique_ptr<Encoder> make(Coding coding, const CompressionLevels& levels,
                                              std::optional<std::uint64_t> size);

  // For gzip. All of a body at once; false: no memory.
  [[nodiscard]] bool deflate_whole(int level, std::string_view in, std::string& out);
  // Null: no memory.
  [[nodiscard]] std::unique_ptr<DeflateStream> take_stream(int level);
  void give_back(std::unique_ptr<DeflateStream> stream);
  // What a peak has needed goes; once in a while.
  void sweep();

 private:
  static constexpr std::size_t kSpare = 4;
  static constexpr std::size_t kLevels = 13;  // of libdeflate, and 0

  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };
  std::array<std::unique_ptr<libdeflate_compressor, Free>, kLevels> whole_;  // by level, made when it is needed
  std::vector<std::unique_ptr<DeflateStream>> spare_;
};

}  // namespace edge
