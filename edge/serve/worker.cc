#include "edge/serve/worker.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "edge/serve/h1.h"
#include "shared/core/hash.h"
#include "shared/serve/log.h"

namespace edge {
namespace {

constexpr std::size_t kRoomMade = 64;  // idle clients closed at a time when descriptors run out

}  // namespace

Worker::Worker(WorkerSettings settings, Live& live, AccessLane* lane, std::shared_ptr<const Snapshot> snapshot,
               Snapshots::Retire retire)
    : settings_(std::move(settings)),
      live_(live),
      lane_(lane),
      thread_({.name = settings_.name, .core = settings_.core, .at_end = [this] { close_all(); }}),
      snapshots_(std::move(snapshot), std::move(retire)),
      upstreams_(loop(), counters_),
      balance_(static_cast<std::uint32_t>(settings_.seed)) {}

Worker::~Worker() {
  stop();
  close_all();
}

void Worker::add_listener(shared::UniqueFd listener) {
  listeners_.push_back(std::make_unique<shared::Listener>(
      loop(), std::move(listener),
      [this](shared::UniqueFd fd, const shared::Endpoint& peer) { accept(std::move(fd), peer); },
      [this] { make_room(); }));
}

void Worker::start() { thread_.start(); }

void Worker::publish(std::shared_ptr<const Snapshot> snapshot) {
  thread_.post([this, snapshot = std::move(snapshot)]() mutable { snapshots_.publish(std::move(snapshot)); });
}

void Worker::finish(std::function<void()> done) {
  retire(std::move(done));
  hasten();
}

void Worker::retire(std::function<void()> done) {
  thread_.post([this, done = std::move(done)] { stop_accepting(done); });
}

void Worker::hasten() {
  thread_.post([this] { close_all_idle(); });
}

void Worker::stop_accepting(std::function<void()> done) {
  for (const auto& listener : listeners_) listener->drain_and_close();
  finishing_ = true;
  finished_ = std::move(done);
  check_finished();
}

// Closing changes the list at the end of the turn only.
void Worker::close_all_idle() {
  for (const auto& connection : connections_) {
    if (connection->idle()) connection->close_idle();
  }
}

void Worker::stop() { thread_.stop(); }

void Worker::close_all() {
  connections_.clear();
  upstreams_.close_idle();
  listeners_.clear();
}

void Worker::accept(shared::UniqueFd fd, const shared::Endpoint& peer) {
  counters_.connections.add();
  if (connections_.size() >= settings_.max_connections) {
    close_idle_clients();
    counters_.connections_refused.add();
    return;
  }
  auto connection = std::make_unique<H1Connection>(*this, std::move(fd), peer);
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  counters_.connections_open.add();
  connections_.back()->start();
}

void Worker::make_room() {
  upstreams_.close_idle();
  close_idle_clients();
}

void Worker::close_idle_clients() {
  std::size_t closed = 0;
  for (std::size_t looked = 0; looked < connections_.size() && closed < kRoomMade; ++looked) {
    room_cursor_ = (room_cursor_ + 1) % connections_.size();
    H1Connection& connection = *connections_[room_cursor_];
    if (!connection.idle()) continue;
    connection.close_idle();
    ++closed;
  }
}

void Worker::retire(H1Connection& connection) {
  loop().defer([this, &connection] {
    const std::size_t index = connection.index;
    std::swap(connections_[index], connections_.back());
    connections_[index]->index = index;
    connections_.pop_back();
    counters_.connections_open.subtract();
    check_finished();
  });
}

void Worker::check_finished() {
  if (finishing_ && connections_.empty() && finished_) std::exchange(finished_, nullptr)();
}

LatencyWindow& Worker::latency_window(PoolSlot pool) {
  const auto index = static_cast<std::size_t>(pool);
  if (index >= latencies_.size()) latencies_.resize(index + 1);
  return latencies_[index];
}

void Worker::report_failure(std::string_view server, std::uint16_t status, std::string_view reason) {
  if (loop().now() < failure_quiet_until_) {
    ++failures_unsaid_;
    return;
  }
  failure_quiet_until_ = loop().now() + shared::seconds(1);
  shared::log_event(shared::Level::warn, "request_failed",
                    {{"status", status}, {"server", server}, {"reason", reason}, {"unsaid", failures_unsaid_}});
  failures_unsaid_ = 0;
}

std::string_view Worker::http_date() {
  constexpr std::size_t kSize = 29;
  if (loop().now() >= date_until_) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    // The C locale's names are the ones that RFC 9110 5.6.7 wants; no program of ours sets another.
    std::strftime(date_.data(), date_.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    date_until_ = loop().now() + shared::seconds(1);
  }
  return {date_.data(), kSize};
}

std::string_view Worker::fresh_request_id() {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::uint64_t number = ++request_ids_;
  const std::array<std::uint64_t, 2> words{shared::mix(settings_.seed ^ number), shared::mix(settings_.seed + number)};
  for (std::size_t i = 0; i < request_id_.size(); ++i) request_id_[i] = kHex[(words[i / 16] >> (4 * (i % 16))) & 15];
  return {request_id_.data(), request_id_.size()};
}

}  // namespace edge
