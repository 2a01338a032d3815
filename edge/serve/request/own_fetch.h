#pragma once
// OwnFetch: a request that fetches for the cache by itself: what its server is asked for is what the cache wants, so
// there is no need of another one. Stands between the request and its client, as source and sink: what comes goes into
// a fill, for the store and for whoever joins, and to the client from there; of a small body at once, for as long as
// the client takes all that comes. While others wait neither the client's going nor its slowness ends the fetch. Owned
// by a CachedExchange; its worker's thread.
//
//   server --Relay--> OwnFetch --FillSink--> fill --EntrySource--> the client's sink
//                            \                   \---------------> who has joined
//                             \---- a small body that it takes --> the client's sink

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "edge/serve/cache/fill.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/fill_sink.h"

namespace edge {

class CachedExchange;
struct Request;

class OwnFetch final : public Pooled, public RequestSource, public ResponseSink {
 public:
  // `cached` and the request outlive it.
  OwnFetch(CachedExchange& cached, Request& request, FillSink::Of&& of);
  ~OwnFetch() override;
  OwnFetch(const OwnFetch&) = delete;
  OwnFetch& operator=(const OwnFetch&) = delete;

  // From now on the request's halves are these. REQUIRES: nothing was sent.
  void interpose();
  // The server has said all, or nothing comes; `refused`: it was not the request's turn. What is left is the client's.
  void finish(bool refused);
  [[nodiscard]] CacheFill& fill() { return *fill_; }
  [[nodiscard]] ResponseSink& client() { return sink_; }

  const RequestFacts& facts() const override { return source_.facts(); }
  BodyPiece peek() override { return source_.peek(); }
  void consume(std::size_t n) override { source_.consume(n); }
  std::string_view trailers() const override { return source_.trailers(); }
  BodyFailure failure() const override { return source_.failure(); }
  void invite() override { source_.invite(); }
  shared::ProxyHeader introduction() const override { return source_.introduction(); }
  bool leaving() const override { return source_.leaving(); }
  bool abandoned() const override;

  void interim(const http::ResponseHead&) override {}
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override;
  std::size_t write(std::string_view data) override;
  void end(std::string_view trailers) override;
  Sent flush() override;
  bool failed() const override {
    return own_page_ ? sink_.failed() : client_gone_ && fill_->unwanted() && filling_.gives_up();
  }
  bool blocked() const override { return own_page_ ? sink_.blocked() : filling_.blocked(); }
  std::uint64_t octets_sent() const override { return sink_.octets_sent(); }
  void cut() override;

 private:
  [[nodiscard]] Sent send();
  void give(std::string_view data);
  void lose_client() const;

  CachedExchange& cached_;
  Request& r_;
  RequestSource& source_;
  ResponseSink& sink_;
  std::shared_ptr<CacheFill> fill_;
  FillSink filling_;
  std::uint64_t given_ = 0;  // octets of the body, at once
  bool at_once_ = false;
  bool started_ = false;
  bool over_ = false;      // the server's part
  bool own_page_ = false;  // the client gets one of ours
  bool sent_ = false;      // the client's sink has all
  mutable bool client_gone_ = false;
};

}  // namespace edge
