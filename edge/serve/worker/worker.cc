#include "edge/serve/worker/worker.h"

#include <algorithm>
#include <utility>

#include "edge/serve/client/h1.h"
#include "shared/core/client_network.h"

namespace edge {
namespace {

constexpr shared::Duration kSweep = shared::seconds(1);
constexpr std::size_t kRoomMade = 16;   // connections closed at a time when descriptors run out
constexpr std::size_t kSlowLooks = 64;  // busy connections looked at for a slow one, each time
// Heads in their first moments are let be while others do nothing at all, unless they are many: then it is a flood.
constexpr auto kYoungHead = shared::seconds(1);
constexpr std::size_t kManyHeads = 8;  // one in so many

}  // namespace

Worker::Worker(WorkerSettings settings, Live& live, AccessLane* lane, std::shared_ptr<const Snapshot> snapshot,
               Snapshots::Discard discard)
    : settings_(std::move(settings)),
      thread_({.name = settings_.name, .core = settings_.core, .at_end = [this] { close_all(); }}),
      context_(settings_.context, loop(), live, lane, std::move(snapshot), std::move(discard)),
      sweeper_([](void* self) { static_cast<Worker*>(self)->sweep(); }, this) {
  if (settings_.admission == nullptr) {
    settings_.admission = std::make_shared<Admission>(settings_.max_connections, 1);
    settings_.index = 0;
  }
  settings_.admission->join(settings_.index, [this](Newcomer newcomer) {
    thread_.post([this, newcomer = std::move(newcomer)] {
      settings_.admission->arrived();
      offer(newcomer);
    });
  });
}

Worker::~Worker() {
  stop();
  close_all();
}

void Worker::add_listener(shared::UniqueFd listener) {
  listeners_.push_back(std::make_unique<shared::Listener>(
      loop(), std::move(listener),
      [this](shared::UniqueFd fd, const shared::Endpoint& peer) {
        context_.counters.connections.add();
        offer({.fd = std::make_shared<shared::UniqueFd>(std::move(fd)), .peer = peer});
      },
      [this] { make_room(); }));
}

void Worker::start() {
  loop().timers().set(sweeper_, loop().now() + kSweep);
  thread_.start();
}

void Worker::sweep() {
  loop().timers().set(sweeper_, loop().now() + kSweep);
  context_.sweep();
}

bool Worker::out_of_memory() {
  const FramePool& memory = FramePool::of_this_thread();
  if (memory.used() <= settings_.max_memory) return false;
  give_up_one(nullptr);
  context_.counters.memory_refused.add();
  return true;
}

void Worker::publish(std::shared_ptr<const Snapshot> snapshot) {
  thread_.post([this, snapshot = std::move(snapshot)]() mutable { context_.snapshots.publish(std::move(snapshot)); });
}

void Worker::finish(std::function<void()> done) {
  wind_down(std::move(done));
  hasten();
}

void Worker::wind_down(std::function<void()> done) {
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
  hastening_ = true;
  for (const auto& connection : connections_) {
    if (connection->idle()) connection->close_idle();
  }
}

void Worker::stop() { thread_.stop(); }

void Worker::close_all() {
  connections_.clear();
  context_.clear();
  listeners_.clear();
}

Worker::Crowd Worker::crowd_for(const Newcomer& newcomer, const shared::IpAddress& client) const {
  const Settings& settings = *context_.snapshots.current().settings;
  const bool limited = settings.max_per_client > 0 && !settings.trusted_proxies.contains(newcomer.peer.address);
  if (limited && settings_.admission->of(client) >= settings.max_per_client) return Crowd::of_client;
  return settings_.admission->full() ? Crowd::of_all : Crowd::none;
}

// A newcomer is only sent away when no worker has a connection that deserves its place less.
void Worker::offer(Newcomer newcomer) {
  Admission& admission = *settings_.admission;
  const shared::IpAddress client = shared::client_network(newcomer.peer.address);
  const Crowd crowd = crowd_for(newcomer, client);
  if (crowd == Crowd::none) return admit(std::move(newcomer), client);
  const auto oldest = crowd == Crowd::of_all && !newcomer.directed ? admission.oldest_head() : std::nullopt;
  newcomer.directed = true;
  if (oldest && *oldest != settings_.index && admission.pass(*oldest, newcomer)) return;
  if (give_up_one(crowd == Crowd::of_client ? &client : nullptr)) return admit(std::move(newcomer), client);
  const std::size_t next = (settings_.index + 1) % admission.workers();
  if (++newcomer.asked < admission.workers() && admission.pass(next, newcomer)) return;
  if (crowd == Crowd::of_all && admission.reserved_for(client)) return admit(std::move(newcomer), client);
  context_.counters.connections_refused.add();
}

void Worker::admit(Newcomer newcomer, const shared::IpAddress& client) {
  auto connection = std::make_unique<H1Connection>(*this, std::move(*newcomer.fd), newcomer.peer);
  connection->index = connections_.size();
  connection->place.connection = connection.get();
  connection->place.client = client;
  connections_.push_back(std::move(connection));
  context_.counters.connections_open.add();
  settings_.admission->enter(client);
  H1Connection& admitted = *connections_.back();
  stand(admitted, ClientState::head);
  admitted.start();
  if (hastening_ && admitted.idle()) admitted.close_idle();
}

void Worker::stand(H1Connection& connection, ClientState state) {
  const ClientState before = connection.place.state;
  if (before == state) return;
  lines_.stand(connection.place, state, loop().now());
  if (state == ClientState::checker) settings_.admission->asked_health(connection.place.client);
  if (before != ClientState::head && state != ClientState::head) return;
  const LinePlace* const first = lines_.heads().front();
  settings_.admission->set_oldest_head(settings_.index, first != nullptr ? first->since : shared::TimePoint::max());
}

void Worker::make_room() {
  context_.upstreams.close_idle();
  for (std::size_t made = 0; made < kRoomMade && give_up_one(nullptr); ++made) {
  }
}

bool Worker::heads_go_first(shared::TimePoint now) const {
  const LinePlace* const first = lines_.heads().front();
  if (first == nullptr) return false;
  return lines_.heads().size() * kManyHeads >= connections_.size() || now - first->since >= kYoungHead;
}

bool Worker::give_up_one(const shared::IpAddress* client) {
  LinePlace* const head = lines_.longest(ClientState::head, client);
  if (head != nullptr && (client != nullptr || heads_go_first(loop().now()))) {
    evict(*head->connection, context_.counters.evicted_head);
  } else if (H1Connection* const slow = slowest(client)) {
    evict(*slow, context_.counters.evicted_slow);
  } else if (LinePlace* const idle = lines_.longest(ClientState::idle, client)) {
    evict(*idle->connection, context_.counters.evicted_idle);
  } else if (head != nullptr) {
    evict(*head->connection, context_.counters.evicted_head);
  } else {
    return false;
  }
  return true;
}

// The one whose client sends or takes the least, of those below the least rate, among the next few.
H1Connection* Worker::slowest(const shared::IpAddress* client) {
  H1Connection* found = nullptr;
  double least = static_cast<double>(context_.snapshots.current().settings->min_rate);
  const std::size_t looks = std::min(kSlowLooks, connections_.size());
  for (std::size_t looked = 0; looked < looks; ++looked) {
    slow_cursor_ = (slow_cursor_ + 1) % connections_.size();
    H1Connection& connection = *connections_[slow_cursor_];
    if (connection.place.state != ClientState::busy || (client != nullptr && connection.place.client != *client))
      continue;
    const auto rate = connection.waiting_rate();
    if (!rate || *rate >= least) continue;
    least = *rate;
    found = &connection;
  }
  return found;
}

// Its place is free at once.
void Worker::evict(H1Connection& connection, shared::Counter& reason) {
  reason.add();
  count_out(connection);
  connection.evict();
}

void Worker::count_out(H1Connection& connection) {
  if (!std::exchange(connection.counted, false)) return;
  stand(connection, ClientState::busy);
  settings_.admission->leave(connection.place.client);
}

void Worker::retire(H1Connection& connection) {
  count_out(connection);
  loop().defer([this, &connection] {
    const std::size_t index = connection.index;
    std::swap(connections_[index], connections_.back());
    connections_[index]->index = index;
    connections_.pop_back();
    context_.counters.connections_open.subtract();
    check_finished();
  });
}

void Worker::check_finished() {
  if (finishing_ && connections_.empty() && finished_) std::exchange(finished_, nullptr)();
}

}  // namespace edge
