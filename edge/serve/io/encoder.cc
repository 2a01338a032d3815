#include "edge/serve/io/encoder.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>

namespace edge {
namespace {

using Room = std::array<char, 16 * 1024>;

// The logarithm of a window that holds the whole body, between these two.
int window_of(std::optional<std::uint64_t> size, int least, int most) {
  if (!size) return most;
  return std::clamp(static_cast<int>(std::bit_width(std::max<std::uint64_t>(*size, 1) - 1)), least, most);
}

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder(int level, int window) {
    constexpr int kGzip = 16;  // added to the window: a head and a trailer of gzip
    good_ = ::deflateInit2(&stream_, level, Z_DEFLATED, window + kGzip, std::clamp(window - 7, 1, 8),
                           Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipEncoder() override { ::deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  [[nodiscard]] bool good() const { return good_; }

  bool encode(std::string_view in, Then then, std::string& out) override {
    const int flush = then == Then::end ? Z_FINISH : then == Then::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // only read
    stream_.avail_in = static_cast<uInt>(in.size());
    Room room;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = room.size();
      const int state = ::deflate(&stream_, flush);
      if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) return false;
      out.append(room.data(), room.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return stream_.avail_in == 0;
  }

 private:
  z_stream stream_{};
  bool good_ = false;
};

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder(int level, int window, std::optional<std::uint64_t> size)
      : state_(::BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) return;
    ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level));
    ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, static_cast<std::uint32_t>(window));
    if (size)
      ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT,
                                  static_cast<std::uint32_t>(std::min<std::uint64_t>(*size, 1U << 30U)));
  }
  ~BrotliEncoder() override { ::BrotliEncoderDestroyInstance(state_); }
  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;

  [[nodiscard]] bool good() const { return state_ != nullptr; }

  bool encode(std::string_view in, Then then, std::string& out) override {
    const BrotliEncoderOperation what = then == Then::end     ? BROTLI_OPERATION_FINISH
                                        : then == Then::flush ? BROTLI_OPERATION_FLUSH
                                                              : BROTLI_OPERATION_PROCESS;
    const auto* next = reinterpret_cast<const std::uint8_t*>(in.data());
    std::size_t left = in.size();
    Room room;
    do {
      auto* to = reinterpret_cast<std::uint8_t*>(room.data());
      std::size_t space = room.size();
      if (::BrotliEncoderCompressStream(state_, what, &left, &next, &space, &to, nullptr) != BROTLI_TRUE) return false;
      out.append(room.data(), room.size() - space);
    } while (left > 0 || ::BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE);
    return true;
  }

 private:
  BrotliEncoderState* state_;
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder(int level, int window) : context_(::ZSTD_createCCtx()) {
    if (context_ == nullptr) return;
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, window);
    // Tables beyond the window's size help little and are most of the memory.
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_hashLog, window);
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_chainLog, window);
  }
  ~ZstdEncoder() override { ::ZSTD_freeCCtx(context_); }
  ZstdEncoder(const ZstdEncoder&) = delete;
  ZstdEncoder& operator=(const ZstdEncoder&) = delete;

  [[nodiscard]] bool good() const { return context_ != nullptr; }

  bool encode(std::string_view in, Then then, std::string& out) override {
    const ZSTD_EndDirective what = then == Then::end     ? ZSTD_e_end
                                   : then == Then::flush ? ZSTD_e_flush
                                                         : ZSTD_e_continue;
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    Room room;
    while (true) {
      ZSTD_outBuffer to{room.data(), room.size(), 0};
      const std::size_t left = ::ZSTD_compressStream2(context_, &to, &from, what);
      if (::ZSTD_isError(left) != 0) return false;
      out.append(room.data(), to.pos);
      const bool taken = from.pos == from.size;
      if (taken && (then == Then::more ? to.pos < room.size() : left == 0)) return true;
    }
  }

 private:
  ZSTD_CCtx* context_;
};

template <class Kind>
std::unique_ptr<Encoder> if_good(std::unique_ptr<Kind> encoder) {
  return encoder->good() ? std::move(encoder) : nullptr;
}

}  // namespace

std::unique_ptr<Encoder> make_encoder(Coding coding, const CompressionLevels& levels,
                                      std::optional<std::uint64_t> size) {
  switch (coding) {
    case Coding::gzip:
      return if_good(std::make_unique<GzipEncoder>(levels.gzip, window_of(size, 9, 15)));
    case Coding::br:
      return if_good(std::make_unique<BrotliEncoder>(levels.br, window_of(size, 10, 18), size));
    case Coding::zstd:
      return if_good(std::make_unique<ZstdEncoder>(levels.zstd, window_of(size, 10, 17)));
    default:
      return nullptr;
  }
}

}  // namespace edge
