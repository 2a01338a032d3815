#include "edge/serve/worker.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <pthread.h>
#include <sched.h>

#include "edge/serve/h1.h"
#include "shared/core/hash.h"
#include "shared/serve/log.h"
#include "shared/serve/thread_setup.h"

namespace edge {
namespace {

constexpr shared::milliseconds kBeat{100};
constexpr std::size_t kRoomMade = 64;  // idle clients closed at a time when descriptors run out

void name_and_pin(const WorkerSettings& settings) {
  shared::begin_thread(settings.name);
  if (!settings.core) return;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(*settings.core, &cores);
  if (::pthread_setaffinity_np(::pthread_self(), sizeof cores, &cores) != 0) {
    shared::log_event(shared::Level::warn, "worker_not_pinned", {{"worker", settings.name}, {"core", *settings.core}});
  }
}

}  // namespace

Worker::Worker(WorkerSettings settings, Live& live, AccessLane* lane, std::shared_ptr<const Snapshot> snapshot,
               Snapshots::Retire retire)
    : settings_(std::move(settings)),
      live_(live),
      lane_(lane),
      beat_timer_([](void* self) { static_cast<Worker*>(self)->beat(); }, this),
      snapshots_(std::move(snapshot), std::move(retire)),
      upstreams_(loop_, counters_),
      balance_(static_cast<std::uint32_t>(settings_.seed)) {}

Worker::~Worker() {
  stop();
  close_all();
}

void Worker::add_listener(shared::UniqueFd listener) {
  listeners_.push_back(std::make_unique<Listener>(
      loop_, std::move(listener),
      [this](shared::UniqueFd fd, const shared::Endpoint& peer) { accept(std::move(fd), peer); },
      [this] { make_room(); }));
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::run() {
  name_and_pin(settings_);
  beat();
  loop_.run();
  close_all();
}

void Worker::beat() {
  heartbeats_.add();
  loop_.timers().set(beat_timer_, loop_.now() + kBeat);
}

void Worker::publish(std::shared_ptr<const Snapshot> snapshot) {
  loop_.post([this, snapshot = std::move(snapshot)]() mutable { snapshots_.publish(std::move(snapshot)); });
}

void Worker::finish(std::function<void()> done) {
  retire(std::move(done));
  hasten();
}

void Worker::retire(std::function<void()> done) {
  loop_.post([this, done = std::move(done)] { stop_accepting(done); });
}

void Worker::hasten() {
  loop_.post([this] { close_all_idle(); });
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

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void Worker::close_all() {
  connections_.clear();
  upstreams_.close_idle();
  listeners_.clear();
  loop_.timers().cancel(beat_timer_);
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
  loop_.defer([this, &connection] {
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
  if (loop_.now() < failure_quiet_until_) {
    ++failures_unsaid_;
    return;
  }
  failure_quiet_until_ = loop_.now() + shared::seconds(1);
  shared::log_event(shared::Level::warn, "request_failed",
                    {{"status", status}, {"server", server}, {"reason", reason}, {"unsaid", failures_unsaid_}});
  failures_unsaid_ = 0;
}

std::string_view Worker::http_date() {
  constexpr std::size_t kSize = 29;
  if (loop_.now() >= date_until_) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    // The C locale's names are the ones that RFC 9110 5.6.7 wants; no program of ours sets another.
    std::strftime(date_.data(), date_.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    date_until_ = loop_.now() + shared::seconds(1);
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
