#include "edge/serve/worker/worker.h"

#include <utility>

#include "edge/serve/client/make_connection.h"

namespace edge {
namespace {

constexpr shared::Duration kSweep = shared::seconds(1);
constexpr std::size_t kRoomMade = 16;  // connections closed at a time when descriptors run out

}  // namespace

Worker::Worker(WorkerSettings settings, Live& live, AccessLane* lane, std::shared_ptr<const Snapshot> snapshot,
               Snapshots::Discard discard)
    : max_memory_(settings.clients.max_memory),
      thread_({.name = std::move(settings.name), .core = settings.core, .at_end = [this] { clear(); }}),
      context_(settings.context, thread_.loop(), live, lane, std::move(snapshot), std::move(discard)),
      clients_(context_, std::move(settings.clients), make_connection),
      sweeper_([](void* self) { static_cast<Worker*>(self)->sweep(); }, this) {}

Worker::~Worker() {
  stop();
  clear();
}

void Worker::add_listener(shared::UniqueFd socket, std::shared_ptr<const Listener> listener) {
  listeners_.push_back(std::make_unique<shared::Listener>(
      context_.loop, std::move(socket),
      [this, listener = std::move(listener)](shared::UniqueFd fd, const shared::Endpoint& peer) {
        context_.counters.connections.add();
        if (listener->introductions && listener->introductions->others == IntroductionRules::Others::refuse &&
            !listener->introductions->from.contains(peer.address)) {
          return context_.counters.proxy_unlisted.add();
        }
        clients_.offer({.fd = std::make_shared<shared::UniqueFd>(std::move(fd)), .peer = peer, .listener = listener});
      },
      [this] { make_room(); }));
}

void Worker::add_datagrams(shared::UniqueFd socket, std::size_t listener) {
  datagrams_.push_back(std::make_unique<Datagrams>(context_, std::move(socket), listener));
}

void Worker::start() {
  context_.loop.timers().set(sweeper_, context_.now() + kSweep);
  thread_.start();
}

void Worker::sweep() {
  context_.loop.timers().set(sweeper_, context_.now() + kSweep);
  context_.sweep();
}

void Worker::publish(std::shared_ptr<const Snapshot> snapshot) {
  thread_.post([this, snapshot = std::move(snapshot)]() mutable { context_.snapshots.publish(std::move(snapshot)); });
}

void Worker::tell_balance(std::function<void(const BalanceState&)> call) {
  thread_.post([this, call = std::move(call)] { call(context_.balance); });
}

void Worker::wind_down(std::function<void()> done, Heir heir) {
  thread_.post([this, done = std::move(done), heir] {
    for (const auto& listener : listeners_) listener->drain_and_close();
    const auto left = std::make_shared<std::size_t>(1 + datagrams_.size());
    const auto one_done = [left, done] {
      if (--*left == 0) done();
    };
    for (const auto& datagrams : datagrams_) datagrams->wind_down(heir, one_done);
    clients_.wind_down(one_done);
  });
}

void Worker::hasten() {
  thread_.post([this] { clients_.hasten(); });
}

void Worker::stop() { thread_.stop(); }

void Worker::clear() {
  clients_.clear();
  datagrams_.clear();
  context_.clear();
  listeners_.clear();
}

// The process is near its limit of descriptors.
void Worker::make_room() {
  context_.upstreams.close_idle();
  for (std::size_t made = 0; made < kRoomMade && clients_.give_up_one(); ++made) {
  }
}

}  // namespace edge
