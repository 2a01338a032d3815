#pragma once
// AddingSink: fields of the edge's own in whatever answers a request, a server, a cache or the edge itself: they go
// with the rules for the answer's fields, which every sink applies. Stands before the client's sink for requests that
// have such fields and no others. In serve_one's frame; its worker's thread.

#include <string>
#include <string_view>
#include <vector>

#include "edge/core/message/header_rules.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

class AddingSink final : public ResponseSink {
 public:
  // `general`: the rules of pages that no route stands behind.
  AddingSink(ResponseSink& below, const HeaderRules& general) : below_(below), general_(general) {}
  AddingSink(const AddingSink&) = delete;
  AddingSink& operator=(const AddingSink&) = delete;

  // In the place of what anybody else says under this name. Values are visible ASCII. Before the answer begins.
  void set(std::string_view name, std::string_view value);
  // Beside it.
  void add(std::string_view name, std::string_view value);

  void interim(const http::ResponseHead& head) override { below_.interim(head); }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override;
  [[nodiscard]] std::size_t write(std::string_view data) override { return below_.write(data); }
  void end(std::string_view trailers) override { below_.end(trailers); }
  [[nodiscard]] Sent flush() override { return below_.flush(); }
  [[nodiscard]] bool failed() const override { return below_.failed(); }
  [[nodiscard]] bool blocked() const override { return below_.blocked(); }
  [[nodiscard]] std::uint64_t octets_sent() const override { return below_.octets_sent(); }
  void cut() override { below_.cut(); }
  [[nodiscard]] Socket* direct() override { return below_.direct(); }
  void bypassed(std::uint64_t n) override { below_.bypassed(n); }
  [[nodiscard]] std::span<const iovec> space(std::uint64_t most, std::span<iovec, kParts> parts) override {
    return below_.space(most, parts);
  }
  void filled(std::size_t n) override { below_.filled(n); }

 private:
  void put(HeaderRule rule);
  [[nodiscard]] const HeaderRules& on_top_of(const HeaderRules& rules);

  ResponseSink& below_;
  const HeaderRules& general_;
  std::vector<HeaderRule> added_;
  HeaderRules rules_;
};

}  // namespace edge
