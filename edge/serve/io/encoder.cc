#include "edge/serve/io/encoder.h"

#include <brotli/encode.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace edge {

class DeflateStream {
 public:
  explicit DeflateStream(int level) : level_(level) {
    constexpr int kGzip = 15 + 16;  // the window, and a head and a trailer of gzip
    constexpr int kMemory = 8;      // of tables; more of them is slower
    good_ = ::deflateInit2(&stream_, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~DeflateStream() { ::deflateEnd(&stream_); }
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] int level() const { return level_; }
  z_stream& operator*() { return stream_; }

 private:
  z_stream stream_{};
  int level_;
  bool good_ = false;
};

namespace {

using Room = std::array<char, 16 * 1024>;

// The logarithm of a window that holds the whole body, between these two.
int window_of(std::optional<std::uint64_t> size, int least, int most) {
  if (!size) return most;
  return std::clamp(static_cast<int>(std::bit_width(std::max<std::uint64_t>(*size, 1) - 1)), least, most);
}

// What is over before it is large or has paused goes to libdeflate as a whole, the rest through zlib.
class GzipEncoder final : public Encoder {
 public:
  GzipEncoder(Encoders& encoders, int level, std::optional<std::uint64_t> size)
      : encoders_(encoders), level_(level), gathers_(size.value_or(0) <= kWhole) {}
  ~GzipEncoder() override { encoders_.give_back(std::move(stream_)); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  bool encode(std::string_view in, Then then, std::string& out) override {
    if (stream_ != nullptr) return stream(in, then, out);
    gathers_ = gathers_ && then != Then::flush && gathered_.size() + in.size() <= kWhole;
    if (gathers_) {
      if (then == Then::more) {
        gathered_.append(in);
        return true;
      }
      if (gathered_.empty()) {
        if (encoders_.deflate_whole(level_, in, out)) return true;
      } else {
        gathered_.append(std::exchange(in, {}));
        if (encoders_.deflate_whole(level_, gathered_, out)) return true;
      }
    }
    stream_ = encoders_.take_stream(level_);
    if (stream_ == nullptr) return false;
    const std::string before = std::exchange(gathered_, {});
    return stream(before, Then::more, out) && stream(in, then, out);
  }

 private:
  static constexpr std::uint64_t kWhole = 64 * 1024;  // octets; of them one turn's share is made

  bool stream(std::string_view in, Then then, std::string& out) {
    const int flush = then == Then::end ? Z_FINISH : then == Then::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    if (in.empty() && then == Then::more) return true;
    z_stream& stream = **stream_;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // only read
    stream.avail_in = static_cast<uInt>(in.size());
    Room room;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(room.data());
      stream.avail_out = room.size();
      const int state = ::deflate(&stream, flush);
      if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) return false;
      out.append(room.data(), room.size() - stream.avail_out);
    } while (stream.avail_out == 0);
    return stream.avail_in == 0;
  }

  Encoders& encoders_;
  int level_;
  bool gathers_;
  std::string gathered_;
  std::unique_ptr<DeflateStream> stream_;
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

Encoders::Encoders() = default;
Encoders::~Encoders() = default;

void Encoders::Free::operator()(libdeflate_compressor* compressor) const { ::libdeflate_free_compressor(compressor); }

std::unique_ptr<Encoder> Encoders::make(Coding coding, const CompressionLevels& levels,
                                        std::optional<std::uint64_t> size) {
  switch (coding) {
    case Coding::gzip:
      return std::make_unique<GzipEncoder>(*this, levels.gzip, size);
    case Coding::br:
      return if_good(std::make_unique<BrotliEncoder>(levels.br, window_of(size, 10, 18), size));
    case Coding::zstd:
      return if_good(std::make_unique<ZstdEncoder>(levels.zstd, window_of(size, 10, 17)));
    default:
      return nullptr;
  }
}

bool Encoders::deflate_whole(int level, std::string_view in, std::string& out) {
  auto& compressor = whole_[static_cast<std::size_t>(std::clamp(level, 1, static_cast<int>(kLevels) - 1))];
  if (compressor == nullptr) compressor.reset(::libdeflate_alloc_compressor(level));
  if (compressor == nullptr) return false;
  const std::size_t before = out.size();
  out.resize(before + ::libdeflate_gzip_compress_bound(compressor.get(), in.size()));
  const std::size_t made =
      ::libdeflate_gzip_compress(compressor.get(), in.data(), in.size(), out.data() + before, out.size() - before);
  out.resize(before + made);
  return made > 0;
}

std::unique_ptr<DeflateStream> Encoders::take_stream(int level) {
  const auto spare = std::ranges::find(spare_, level, [](const auto& one) { return one->level(); });
  if (spare != spare_.end()) {
    std::unique_ptr<DeflateStream> stream = std::move(*spare);
    spare_.erase(spare);
    return stream;
  }
  auto made = std::make_unique<DeflateStream>(level);
  return made->good() ? std::move(made) : nullptr;
}

void Encoders::give_back(std::unique_ptr<DeflateStream> stream) {
  if (stream == nullptr || spare_.size() >= kSpare || ::deflateReset(&**stream) != Z_OK) return;
  spare_.push_back(std::move(stream));
}

void Encoders::sweep() { spare_.clear(); }

}  // namespace edge
