#pragma once
// CompressingSink: a sink before a client's sink, of a route with `compression`: what rule_compression() says is sent
// in another coding. Nothing is held back: when the source pauses, what came is flushed. A turn compresses no more than
// kShare octets, so that others have theirs. Lives in serve_one's frame; its worker's thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/core/content/compression.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/io/encoder.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

class CompressingSink final : public ResponseSink {
 public:
  static constexpr std::uint64_t kMaxOpen = 128;  // of a worker; more are sent as they are

  // All of it outlives the sink.
  CompressingSink(const Exchange& exchange, const Compression& settings, Encoders& encoders, Counters& counters)
      : below_(exchange.sink),
        waiter_(exchange.waiter),
        request_(*exchange.source.facts().head),
        settings_(settings),
        encoders_(encoders),
        counters_(counters) {}
  ~CompressingSink() override;
  CompressingSink(const CompressingSink&) = delete;
  CompressingSink& operator=(const CompressingSink&) = delete;

  void interim(const http::ResponseHead& head) override { below_.interim(head); }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override { below_.start(head); }
  [[nodiscard]] std::size_t write(std::string_view data) override;
  void end(std::string_view trailers) override;
  [[nodiscard]] Sent flush() override;
  [[nodiscard]] bool failed() const override { return failed_ || below_.failed(); }
  [[nodiscard]] bool blocked() const override { return resting_ || below_.blocked(); }
  [[nodiscard]] std::uint64_t octets_sent() const override { return below_.octets_sent(); }
  void cut() override { below_.cut(); }
  [[nodiscard]] Socket* direct() override { return encoder_ == nullptr ? below_.direct() : nullptr; }
  void bypassed(std::uint64_t n) override { below_.bypassed(n); }

 private:
  static constexpr std::size_t kSlice = 16 * 1024;  // octets for the encoder at a time
  static constexpr std::uint64_t kShare = 64 * 1024;

  [[nodiscard]] bool begin(const http::ResponseFraming& framing, const CompressionRuling& ruling);
  [[nodiscard]] bool change(const http::ResponseHead& head, const CompressionRuling& ruling);
  [[nodiscard]] bool rests();
  void encode(std::string_view data, Encoder::Then then);
  [[nodiscard]] bool push();
  void close_encoder();

  ResponseSink& below_;
  Waiter& waiter_;
  const http::RequestHead& request_;
  const Compression& settings_;
  Encoders& encoders_;
  Counters& counters_;
  std::unique_ptr<http::ResponseHead> head_;  // as it is sent
  std::string etag_;
  std::unique_ptr<Encoder> encoder_;  // null: octets pass as they are
  std::string pending_;               // encoded, not taken yet: what comes of one slice, and of a flush
  std::size_t pending_begin_ = 0;
  std::string trailers_;
  shared::TimePoint turn_{};  // in which `taken_` octets were compressed
  std::uint64_t taken_ = 0;
  bool resting_ = false;  // until the next turn
  bool unflushed_ = false;
  bool ending_ = false;
  bool ended_ = false;  // the sink below knows
  bool failed_ = false;
};

}  // namespace edge
