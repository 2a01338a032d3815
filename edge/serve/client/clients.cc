#include "edge/serve/client/clients.h"

#include <algorithm>
#include <utility>

#include "shared/core/client_network.h"

namespace edge {
namespace {

constexpr std::size_t kSlowLooks = 64;  // busy connections looked at for a slow one, each time
// Heads in their first moments are let be while others do nothing at all, unless they are many: then it is a flood.
constexpr auto kYoungHead = shared::seconds(1);
constexpr std::size_t kManyHeads = 8;  // one in so many

}  // namespace

Clients::Clients(WorkerContext& context, ClientsSettings settings, Make make)
    : context_(context), settings_(std::move(settings)), make_(make) {
  if (settings_.admission == nullptr) {
    settings_.admission = std::make_shared<Admission>(settings_.max_connections, 1);
    settings_.index = 0;
  }
  settings_.admission->join(settings_.index, [this](Newcomer newcomer) {
    context_.loop.post([this, newcomer = std::move(newcomer)] {
      settings_.admission->arrived();
      offer(newcomer);
    });
  });
}

Clients::Crowd Clients::crowd_for(const Newcomer& newcomer, const shared::IpAddress& client) const {
  const Settings& settings = *context_.snapshots.current().settings;
  // Who only introduces others is no client.
  const bool limited = settings.max_per_client > 0 && !newcomer.awaits_header() &&
                       !settings.trusted_proxies.contains(newcomer.peer.address);
  if (limited && settings_.admission->of(client) >= settings.max_per_client) return Crowd::of_client;
  return settings_.admission->full() ? Crowd::of_all : Crowd::none;
}

// A newcomer is only sent away when no worker has a connection that deserves its place less.
void Clients::offer(Newcomer newcomer) {
  Admission& admission = *settings_.admission;
  const shared::IpAddress client = shared::client_network(newcomer.peer.address);
  const Crowd crowd = crowd_for(newcomer, client);
  if (crowd == Crowd::none) return admit(newcomer, client);
  const auto oldest = crowd == Crowd::of_all && !newcomer.directed ? admission.oldest_head() : std::nullopt;
  newcomer.directed = true;
  if (oldest && *oldest != settings_.index && admission.pass(*oldest, newcomer)) return;
  if (give_up_one(crowd == Crowd::of_client ? &client : nullptr)) return admit(newcomer, client);
  const std::size_t next = (settings_.index + 1) % admission.workers();
  if (++newcomer.asked < admission.workers() && admission.pass(next, newcomer)) return;
  if (crowd == Crowd::of_all && admission.reserved_for(client)) return admit(newcomer, client);
  context_.counters.connections_refused.add();
}

void Clients::admit(const Newcomer& newcomer, const shared::IpAddress& client) {
  connections_.push_back(make_(context_, *this, newcomer));
  ClientConnection& admitted = *connections_.back();
  admitted.index_ = static_cast<std::uint32_t>(connections_.size() - 1);
  admitted.place_.connection = &admitted;
  admitted.place_.client = client;
  context_.counters.connections_open.add();
  settings_.admission->enter(client);
  stand(admitted, ClientState::head);
  admitted.start();
  if (hastening_) admitted.drain();
}

void Clients::stand(ClientConnection& connection, ClientState state) {
  const ClientState before = connection.place_.state;
  if (before == state) return;
  lines_.stand(connection.place_, state, context_.now());
  if (state == ClientState::checker) settings_.admission->asked_health(connection.place_.client);
  if (before != ClientState::head && state != ClientState::head) return;
  const LinePlace* const first = lines_.heads().front();
  settings_.admission->set_oldest_head(settings_.index, first != nullptr ? first->since : shared::TimePoint::max());
}

bool Clients::out_of_memory() {
  if (FramePool::of_this_thread().used() <= settings_.max_memory) return false;
  give_up_one(nullptr);
  context_.counters.memory_refused.add();
  return true;
}

bool Clients::heads_go_first(shared::TimePoint now) const {
  const LinePlace* const first = lines_.heads().front();
  if (first == nullptr) return false;
  return lines_.heads().size() * kManyHeads >= connections_.size() || now - first->since >= kYoungHead;
}

bool Clients::give_up_one(const shared::IpAddress* client) {
  Counters& counters = context_.counters;
  LinePlace* const head = lines_.longest(ClientState::head, client);
  const bool head_first = head != nullptr && (client != nullptr || heads_go_first(context_.now()));
  if (ClientConnection* const slow = head_first ? nullptr : slowest(client)) {
    evict(*slow, counters.evicted_slow);
  } else if (LinePlace* const idle = head_first ? nullptr : lines_.longest(ClientState::idle, client)) {
    evict(*idle->connection, counters.evicted_idle);
  } else if (head != nullptr) {
    evict(*head->connection, counters.evicted_head);
  } else {
    return false;
  }
  return true;
}

// The one whose client sends or takes the least, of those below the least rate, among the next few.
ClientConnection* Clients::slowest(const shared::IpAddress* client) {
  ClientConnection* found = nullptr;
  double least = static_cast<double>(context_.snapshots.current().settings->min_rate);
  const std::size_t looks = std::min(kSlowLooks, connections_.size());
  for (std::size_t looked = 0; looked < looks; ++looked) {
    slow_cursor_ = (slow_cursor_ + 1) % connections_.size();
    ClientConnection& connection = *connections_[slow_cursor_];
    const LinePlace& place = connection.place_;
    if (place.state != ClientState::busy || (client != nullptr && place.client != *client)) continue;
    const auto rate = connection.waiting_rate();
    if (!rate || *rate >= least) continue;
    least = *rate;
    found = &connection;
  }
  return found;
}

// Its place is free at once.
void Clients::evict(ClientConnection& connection, shared::Counter& reason) {
  reason.add();
  count_out(connection);
  connection.close();
}

void Clients::count_out(ClientConnection& connection) {
  if (!std::exchange(connection.counted_, false)) return;
  stand(connection, ClientState::busy);
  settings_.admission->leave(connection.place_.client);
}

void Clients::remove(ClientConnection& connection) {
  count_out(connection);
  context_.loop.defer([this, &connection] {
    const std::uint32_t index = connection.index_;
    std::swap(connections_[index], connections_.back());
    connections_[index]->index_ = index;
    connections_.pop_back();
    context_.counters.connections_open.subtract();
    check_finished();
  });
}

void Clients::hand_over(ClientConnection& before, std::unique_ptr<ClientConnection> next) {
  ClientConnection& follower = *next;
  follower.index_ = before.index_;
  follower.counted_ = std::exchange(before.counted_, false);
  follower.place_.connection = &follower;
  follower.place_.client = before.place_.client;
  stand(before, ClientState::busy);
  std::shared_ptr<ClientConnection> old = std::exchange(connections_[before.index_], std::move(next));
  context_.loop.defer([old = std::move(old)] {});
  stand(follower, ClientState::head);
  follower.start();
  if (hastening_) follower.drain();
}

void Clients::wind_down(std::function<void()> done) {
  winding_down_ = true;
  finished_ = std::move(done);
  check_finished();
}

// A connection that ends leaves the list at the end of the turn only; one that is introduced here joins it, drained.
void Clients::hasten() {
  hastening_ = true;
  const std::size_t present = connections_.size();
  for (std::size_t i = 0; i < present; ++i) connections_[i]->drain();
}

void Clients::check_finished() {
  if (winding_down_ && connections_.empty() && finished_) std::exchange(finished_, nullptr)();
}

}  // namespace edge
