#pragma once
// PageSink: the configuration's page in the place of what a server says with a status that such a page is for; what the
// server says is read to its end and dropped. Any other answer passes as it is. Stands before the client's sink where
// a route has such pages; its worker's thread.

#include <cstddef>
#include <string_view>

#include "edge/core/message/error_pages.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

class PageSink final : public ResponseSink {
 public:
  // `pages` outlive it. `asks_for_head`: nothing follows a head.
  PageSink(ResponseSink& below, const ErrorPages& pages, http::Method method)
      : below_(below), pages_(pages), method_(method) {}
  PageSink(const PageSink&) = delete;
  PageSink& operator=(const PageSink&) = delete;

  void interim(const http::ResponseHead& head) override { below_.interim(head); }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override { below_.start(head); }
  [[nodiscard]] std::size_t write(std::string_view data) override;
  void end(std::string_view trailers) override;
  [[nodiscard]] Sent flush() override;
  [[nodiscard]] bool failed() const override { return below_.failed(); }
  [[nodiscard]] bool blocked() const override { return below_.blocked(); }
  [[nodiscard]] std::uint64_t octets_sent() const override { return below_.octets_sent(); }
  void cut() override { below_.cut(); }
  [[nodiscard]] Socket* direct() override { return replaced_ ? nullptr : below_.direct(); }
  void bypassed(std::uint64_t n) override { below_.bypassed(n); }
  [[nodiscard]] std::span<const iovec> space(std::uint64_t most, std::span<iovec, kParts> parts) override {
    return replaced_ ? std::span<const iovec>() : below_.space(most, parts);
  }
  void filled(std::size_t n) override { below_.filled(n); }

 private:
  ResponseSink& below_;
  const ErrorPages& pages_;
  http::Method method_;
  bool replaced_ = false;
  std::string_view rest_{};  // of the page, not taken yet
  bool ending_ = false;
  bool ended_ = false;  // the sink below knows
};

}  // namespace edge
