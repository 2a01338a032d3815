#pragma once
// Mirroring: a copy of a share of a route's requests goes to another pool, whose answer nobody gets. The copy is made
// while the request is read, and sent when its body is whole, by serve_one() over an exchange without a client: one
// try, no session, no queue, no cache, no line in the access log. Neither how slow nor how wrong its pool is reaches
// the request that it was made of. What is held is bounded by max_in_flight times max_body.
//
//   MirrorTee        stands before the request's source, and keeps what passes
//   MirroredRequest  the copy: the source and the sink of its own request
//   Mirrors          those of a worker
//
// A worker's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/access/principal.h"
#include "edge/core/route/mirror_rule.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/exchange.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

struct Request;
struct WorkerContext;

class MirroredRequest final : public RequestSource, public ResponseSink, public Pooled {
 public:
  // With the head of that request as its client has sent it, and who that has shown to be.
  MirroredRequest(const Request& cause, std::shared_ptr<const MirrorRule> rule);
  ~MirroredRequest() override;
  MirroredRequest(const MirroredRequest&) = delete;
  MirroredRequest& operator=(const MirroredRequest&) = delete;

  // More of the body; false: that is too much.
  [[nodiscard]] bool keep(std::string_view data);
  // The body is whole: up to the first wait.
  void start();
  // The end of its request.
  void account(const Request& request);
  [[nodiscard]] const MirrorRule& rule() const { return *rule_; }
  [[nodiscard]] const std::shared_ptr<const Principal>& shown() const { return shown_; }

  const RequestFacts& facts() const override { return facts_; }
  BodyPiece peek() override;
  void consume(std::size_t n) override { at_ += n; }
  std::string_view trailers() const override { return {}; }
  BodyFailure failure() const override { return BodyFailure::none; }
  void invite() override {}
  bool abandoned() const override { return false; }

  void interim(const http::ResponseHead&) override {}
  void start(const http::ResponseHead&, const http::ResponseFraming&, const HeaderRules&) override {}
  void start(const OwnHead&) override {}
  std::size_t write(std::string_view data) override { return data.size(); }
  void end(std::string_view) override {}
  Sent flush() override { return Sent::all; }
  bool failed() const override { return false; }
  bool blocked() const override { return false; }
  std::uint64_t octets_sent() const override { return 0; }
  void cut() override {}

 private:
  Task<> run();
  void finish_head();

  WorkerContext& context_;
  std::shared_ptr<const Principal> shown_;  // null: the route does not ask
  std::shared_ptr<const MirrorRule> rule_;
  Waiter waiter_;
  std::unique_ptr<Work> work_;
  std::string head_;         // from start() on whole, and parsed
  std::string traceparent_;  // of what it is a copy of
  std::string body_;
  std::size_t at_ = 0;     // of body_
  bool has_body_ = false;  // an empty one, too
  RequestFacts facts_;
  std::optional<Task<>> task_;
  shared::TlsFacts tls_;  // the certificate that its client has shown, alone
};

class MirrorTee final : public RequestSource {
 public:
  MirrorTee(WorkerContext& context, RequestSource& client, std::unique_ptr<MirroredRequest> copy)
      : context_(context), client_(client), copy_(std::move(copy)) {}
  ~MirrorTee() override;
  MirrorTee(const MirrorTee&) = delete;
  MirrorTee& operator=(const MirrorTee&) = delete;

  const RequestFacts& facts() const override { return client_.facts(); }
  BodyPiece peek() override;
  void consume(std::size_t n) override;
  std::string_view trailers() const override { return client_.trailers(); }
  BodyFailure failure() const override { return client_.failure(); }
  void invite() override { client_.invite(); }
  shared::ProxyHeader introduction() const override { return client_.introduction(); }
  bool leaving() const override { return client_.leaving(); }
  bool abandoned() const override { return client_.abandoned(); }

 private:
  WorkerContext& context_;
  RequestSource& client_;
  std::unique_ptr<MirroredRequest> copy_;  // null: it was sent, or given up
  std::string_view seen_;                  // of the last peek
};

class Mirrors {
 public:
  Mirrors(WorkerContext& context, std::uint64_t seed) : context_(context), draws_(seed) {}
  ~Mirrors();
  Mirrors(const Mirrors&) = delete;
  Mirrors& operator=(const Mirrors&) = delete;

  // The request goes to its pool now: if it is to be copied, that begins. REQUIRES: nothing of its body was taken.
  void consider(Request& request);
  // Its body is whole.
  void send(std::unique_ptr<MirroredRequest> copy);
  // At the end of this turn it is gone.
  void finished(MirroredRequest& copy);
  void clear();

 private:
  [[nodiscard]] bool drawn(double share);
  void start_fresh();

  WorkerContext& context_;
  std::uint64_t draws_;
  std::vector<std::unique_ptr<MirroredRequest>> fresh_;  // to be started at the end of this turn
  std::vector<std::unique_ptr<MirroredRequest>> running_;
};

}  // namespace edge
