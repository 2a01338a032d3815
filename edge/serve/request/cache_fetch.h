#pragma once
// CacheFetch: a fetch for the cache: serve_one() over a copy of the head that has caused it, without conditions and
// ranges, and into a fill. Lives until the server's answer is over, whoever waits for it; if that is nobody, it is
// given up. Owned by the worker's CacheFetches; its thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/decide/decide.h"
#include "edge/core/protect/breaker.h"
#include "edge/serve/cache/fill.h"
#include "edge/serve/cache/store.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/fill_sink.h"

namespace edge {

struct Request;
struct WorkerContext;

// What the request that has caused a fetch tells of it in the log.
struct FetchReport {
  bool over = false;
  std::uint64_t generation = 0;    // of the snapshot: what points into it means nothing to requests of another
  const Server* server = nullptr;  // of the last attempt
  std::string request_id;          // that the server was told
  std::size_t attempts = 0;
  bool hedged = false;
  BreakerPermit::Kind permit = BreakerPermit::Kind::normal;
  shared::TimePoint picked{};
  shared::TimePoint connected{};
  shared::TimePoint first_byte{};
  std::uint16_t status = 0;
  bool refused = false;  // by a limit
  http::Refusal refusal;
  LimitRuling limit;
};

class CacheFetch final : public RequestSource, public Pooled {
 public:
  struct Of {
    CacheStore& store;
    std::shared_ptr<const CacheRule> rule;
    std::shared_ptr<CacheFill> fill;
    std::string selector;
    std::optional<std::string> codings{};  // Accept-Encoding in the place of the client's; empty: none
    std::string traceparent{};             // of who has caused it; empty: none
  };
  CacheFetch(WorkerContext& context, const RequestFacts& cause, Of of);
  ~CacheFetch() override;
  CacheFetch(const CacheFetch&) = delete;
  CacheFetch& operator=(const CacheFetch&) = delete;

  // Up to its first wait.
  void start();
  [[nodiscard]] const std::shared_ptr<FetchReport>& report() const { return report_; }
  // The end of its request.
  void account(const Request& request);

  const RequestFacts& facts() const override { return facts_; }
  BodyPiece peek() override { return {.state = BodyState::end, .data = {}}; }
  void consume(std::size_t) override {}
  std::string_view trailers() const override { return {}; }
  BodyFailure failure() const override { return BodyFailure::none; }
  void invite() override {}
  // Who has all that was announced may leave before the end is seen here.
  bool abandoned() const override {
    return !sink_->complete() && (fill_->unwanted() || sink_->useless()) && sink_->gives_up();
  }

 private:
  Task<> run();
  void write_head(const http::RequestHead& cause, const Of& of);

  WorkerContext& context_;
  std::shared_ptr<CacheFill> fill_;
  std::shared_ptr<FetchReport> report_ = std::make_shared<FetchReport>();
  Waiter waiter_;
  std::unique_ptr<Work> work_;
  std::string head_;
  std::string traceparent_;
  RequestFacts facts_;
  std::optional<FillSink> sink_;
  bool conditional_ = false;
  std::optional<Task<>> task_;
};

// Those of a worker.
class CacheFetches {
 public:
  explicit CacheFetches(WorkerContext& context) : context_(context) {}
  ~CacheFetches();
  CacheFetches(const CacheFetches&) = delete;
  CacheFetches& operator=(const CacheFetches&) = delete;

  std::shared_ptr<FetchReport> begin(const RequestFacts& cause, CacheFetch::Of of);
  // At the end of this turn it is gone.
  void finished(CacheFetch& fetch);
  void clear();

 private:
  WorkerContext& context_;
  std::vector<std::unique_ptr<CacheFetch>> running_;
};

}  // namespace edge
