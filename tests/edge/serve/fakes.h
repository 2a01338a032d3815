#pragma once
// Both halves of an exchange without a socket, and a worker's context without a thread: for tests of what happens
// between them. One thread.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/request/context.h"
#include "edge/serve/request/serve_one.h"
#include "shared/serve/loop/worker_loop.h"
#include "tests/edge/serve/request_text.h"

namespace edge::test {

// A request whose body is there as far as `body` goes; `whole`: and that is all of it.
struct FakeSource : RequestSource {
  explicit FakeSource(std::string head_text, std::string_view protocol = "HTTP/1.1") : text(std::move(head_text)) {
    asked.protocol = protocol;
    http::HeadParser parser;
    EXPECT_EQ(parser.parse_request(text, {}, head), http::ParseState::complete) << text;
    asked.head = &head;
    if (const auto framing = http::frame_request(head, http::kNoBodyLimit)) asked.framing = *framing;
    asked.peer = *shared::IpAddress::parse("198.51.100.7");
  }
  const RequestFacts& facts() const override { return asked; }
  BodyPiece peek() override {
    if (!body.empty()) return {.state = BodyState::data, .data = body};
    if (what_failed != BodyFailure::none) return {.state = BodyState::failed, .data = {}};
    return {.state = whole ? BodyState::end : BodyState::wait, .data = {}};
  }
  void consume(std::size_t n) override { body.erase(0, n); }
  std::string_view trailers() const override { return {}; }
  BodyFailure failure() const override { return what_failed; }
  void invite() override { ++invited; }
  bool abandoned() const override { return gone; }

  std::string text;
  http::RequestHead head;
  RequestFacts asked;
  std::string body;
  bool whole = true;
  BodyFailure what_failed = BodyFailure::none;
  int invited = 0;
  bool gone = false;
};

// What the client was told; takes `room` octets of a body and is blocked then.
struct FakeSink final : ResponseSink {
  void interim(const http::ResponseHead& head) override { interims.push_back(head.status); }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override {
    status = head.status;
    reason = head.reason;
    framed = framing.body;
    for (const http::Field& one : head.fields) fields.emplace_back(one.name, one.value);
    add(rules);
    ++starts;
  }
  void start(const OwnHead& head) override {
    status = head.status;
    length = head.length;
    location = head.location;
    content_type = head.content_type;
    retry_after = head.retry_after;
    distrusts = head.distrust;
    rate_limit = head.rate_limit;
    if (head.rules != nullptr) add(*head.rules);
    ++starts;
  }
  void add(const HeaderRules& rules) {
    for (const HeaderRules::Appended& one : rules.appended()) fields.emplace_back(one.name, one.value);
  }
  std::size_t write(std::string_view data) override {
    const std::size_t n = std::min(room, data.size());
    body += data.substr(0, n);
    room -= n;
    return n;
  }
  void end(std::string_view) override { ++ends; }
  Sent flush() override { return broken ? Sent::failed : blocked() ? Sent::blocked : Sent::all; }
  bool failed() const override { return broken; }
  bool blocked() const override { return room == 0; }
  std::uint64_t octets_sent() const override { return body.size(); }
  void cut() override { was_cut = true; }

  // The first such field of a server's head, or that rules add to any; empty: there is none.
  [[nodiscard]] std::string field(std::string_view name) const {
    for (const auto& [known, value] : fields) {
      if (shared::equals_ignoring_case(known, name)) return value;
    }
    return {};
  }

  std::vector<std::uint16_t> interims;
  std::vector<std::pair<std::string, std::string>> fields;
  http::Body framed;
  std::uint16_t status = 0;
  std::uint64_t length = 0;
  std::string reason, location, content_type, retry_after, rate_limit, body;
  std::size_t room = 1 << 20;
  int starts = 0, ends = 0;
  bool distrusts = false, broken = false, was_cut = false;
};

// One pool "web" of servers that nobody listens for, and a route to it.
class FakeWorker {
 public:
  explicit FakeWorker(std::size_t servers = 1) {
    settings.identity = {.service = "shop", .region = "eu", .node = "127.0.0.1"};
    pool.name = "web";
    std::vector<std::uint16_t> weights;
    for (std::size_t i = 0; i < servers; ++i) {
      const ServerId id{static_cast<std::uint32_t>(i)};
      pool.servers.push_back(
          {.name = "web" + std::to_string(i), .host = "127.0.0.1", .port = 1, .weight = 1, .id = id});
      addresses.set(id, {endpoint(i)});
      live.reserve(id);
      weights.push_back(1);
    }
    pool.selector = make_sequence(weights);
    add_route("/", PoolId{0});
  }
  static shared::Endpoint endpoint(std::size_t server) {
    return {shared::IpAddress::v4(0x7F000001), static_cast<std::uint16_t>(server + 1)};
  }
  Route& add_route(const std::string& path, Action action) {
    Route route;
    route.name = path;
    route.path = path;
    route.action = std::move(action);
    return routes.emplace_back(std::move(route));
  }
  WorkerContext& context() {
    if (made == nullptr) {
      auto snapshot = std::make_shared<Snapshot>();
      snapshot->settings = std::make_shared<Settings>(settings);
      snapshot->routes = std::make_shared<RouteTable>(routes, 1);
      snapshot->pools = std::make_shared<Pools>(std::vector<Pool>{pool});
      snapshot->addresses = std::make_shared<Addresses>(addresses);
      snapshot->tiers = std::make_shared<Tiers>();
      ContextSettings of_context;
      of_context.spans = spans;
      of_context.caches = caches;
      made = std::make_unique<WorkerContext>(of_context, loop, live, nullptr, std::move(snapshot),
                                             [](std::shared_ptr<const Snapshot>) {});
    }
    return *made;
  }
  std::uint64_t errors(ErrorKind kind) { return context().counters.errors[static_cast<std::size_t>(kind)].read(); }

  Settings settings;
  Pool pool;
  std::vector<Route> routes;
  Addresses addresses;
  Live live;
  SpanLane* spans = nullptr;
  const CacheStores* caches = nullptr;
  shared::WorkerLoop loop;
  std::unique_ptr<WorkerContext> made;
};

// A request that is being served.
class Served {
 public:
  Served(FakeWorker& worker, RequestSource& source, ResponseSink& sink)
      : loop_(worker.loop),
        waiter_(worker.loop),
        exchange_{source, sink, waiter_, work_},
        task_(run(*this, worker.context())) {
    task_.start();
  }
  // A few turns of the loop.
  bool done() {
    for (int turn = 0; turn < 200 && !done_; ++turn) loop_.poll();
    return done_;
  }
  Waiter& waiter() { return waiter_; }

 private:
  static Task<> run(Served& self, WorkerContext& context) {
    co_await serve_one(self.exchange_, context);
    self.done_ = true;
  }

  shared::WorkerLoop& loop_;
  Waiter waiter_;
  Work work_;
  Exchange exchange_;
  bool done_ = false;
  Task<> task_;
};

}  // namespace edge::test
