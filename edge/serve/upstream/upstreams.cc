#include "edge/serve/upstream/upstreams.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace edge {

Upstreams::Upstreams(shared::WorkerLoop& loop, Counters& counters)
    : loop_(loop), counters_(counters), sweeper_([](void* self) { static_cast<Upstreams*>(self)->sweep(); }, this) {}

Upstreams::~Upstreams() { close_idle(); }

Upstreams::IdleList& Upstreams::list_of(ServerId server) {
  const auto index = static_cast<std::size_t>(server);
  if (index >= idle_.size()) idle_.resize(index + 1);
  return idle_[index];
}

std::unique_ptr<UpstreamConnection> Upstreams::take_idle(ServerId server, const shared::Endpoint& endpoint,
                                                         const UpstreamTerms& terms) {
  IdleList& list = list_of(server);
  for (auto it = list.rbegin(); it != list.rend(); ++it) {
    // A name may have moved to another address since.
    if ((*it)->endpoint_ != endpoint || (*it)->about_ != terms.about) continue;
    if ((*it)->tls_.get() != terms.tls || (*it)->name_ != terms.name) continue;
    std::unique_ptr<UpstreamConnection> connection = std::move(*it);
    if (it == list.rbegin()) {  // nearly always
      list.pop_back();
    } else {
      list.erase(std::next(it).base());
    }
    --idle_count_;
    connection->owner_ = nullptr;
    counters_.upstream_reuses.add();
    return connection;
  }
  return nullptr;
}

Upstreams::Connecting Upstreams::connect(ServerId server, const shared::Endpoint& endpoint,
                                         std::unique_ptr<StreamLayer> layer) {
  ConnectStart start = start_connect(endpoint);
  if (start.error == EMFILE || start.error == ENFILE) {
    close_idle();
    start = start_connect(endpoint);
  }
  counters_.upstream_connects.add();
  if (!start.fd.valid()) return {.connection = nullptr, .error = start.error};
  auto connection =
      std::make_unique<UpstreamConnection>(loop_, std::move(start.fd), std::move(layer), server, endpoint);
  if (!connection->stream().is_open()) return {.connection = nullptr, .error = ENOMEM};  // to be watched
  return {.connection = std::move(connection), .error = 0};
}

void Upstreams::shun(const shared::Endpoint& endpoint) {
  std::erase_if(shunned_, [&](const Shunned& one) { return one.endpoint == endpoint || one.until <= loop_.now(); });
  if (shunned_.size() >= kMostShunned) shunned_.erase(shunned_.begin());
  shunned_.push_back({endpoint, loop_.now() + kShunFor});
}

bool Upstreams::shunned(const shared::Endpoint& endpoint) const {
  return std::ranges::any_of(shunned_,
                             [&](const Shunned& one) { return one.endpoint == endpoint && one.until > loop_.now(); });
}

void Upstreams::give_back(std::unique_ptr<UpstreamConnection> connection, const IdleSettings& settings) {
  Stream& stream = connection->stream();
  stream.bind(nullptr);
  if (settings.connections == 0 || !stream.silent()) return;
  IdleList& list = list_of(connection->server());
  if (list.size() >= settings.connections) {
    list.pop_front();
    --idle_count_;
  }
  connection->owner_ = this;
  connection->idle_until_ = loop_.now() + settings.timeout;
  stream.on_idle_event({.handler = &Upstreams::on_idle_event, .owner = connection.get()});
  list.push_back(std::move(connection));
  if (idle_count_++ == 0) loop_.timers().set(sweeper_, loop_.now() + kSweep);
}

void Upstreams::on_idle_event(void* connection, std::uint32_t /*events*/) {
  auto& idle = *static_cast<UpstreamConnection*>(connection);
  if (idle.owner_ != nullptr && !idle.stream_.silent()) idle.owner_->drop(idle);
}

void Upstreams::drop(UpstreamConnection& connection) {
  IdleList& list = list_of(connection.server());
  const auto it = std::ranges::find_if(list, [&](const auto& held) { return held.get() == &connection; });
  if (it == list.end()) return;
  list.erase(it);
  --idle_count_;
}

void Upstreams::sweep() {
  for (IdleList& list : idle_) {
    while (!list.empty() && list.front()->idle_until_ <= loop_.now()) {
      list.pop_front();
      --idle_count_;
    }
  }
  if (idle_count_ > 0) loop_.timers().set(sweeper_, loop_.now() + kSweep);
}

void Upstreams::close_idle() {
  for (IdleList& list : idle_) list.clear();
  idle_count_ = 0;
}

}  // namespace edge
