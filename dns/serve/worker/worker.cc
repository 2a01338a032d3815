#include "dns/serve/worker/worker.h"

#include <algorithm>
#include <utility>

namespace dns {

Worker::Worker(WorkerSetup setup)
    : responder_(std::move(setup.first), setup.seed, std::move(setup.cells)),
      thread_({.name = "tcp-" + setup.name, .core = setup.core}),
      tcp_(thread_.loop(), responder_),
      parts_(setup.udp.size() + 1) {
  tcp_.set(setup.tcp_settings);
  for (auto& fd : setup.udp) {
    receivers_.push_back(std::make_unique<UdpReceiver>(
        std::move(fd), responder_,
        UdpReceiverSettings{.name = "udp-" + setup.name,
                            .core = setup.core,
                            .beats = [this] { return thread_.heartbeats(); },
                            .ended = [this] { thread_.post([this] { part_ended(); }); }}));
  }
  for (auto& fd : setup.tcp) tcp_.add_listener(std::move(fd));
  for (auto& fd : setup.tls) tcp_.add_listener(std::move(fd), setup.make_tls);
}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_.start();
  for (const auto& receiver : receivers_) receiver->start();
}

void Worker::set(const TcpSettings& tcp) {
  thread_.post([this, tcp] { tcp_.set(tcp); });
}

void Worker::drain(std::function<void()> done) {
  thread_.post([this, done = std::move(done)]() mutable {
    drained_ = std::move(done);
    for (const auto& receiver : receivers_) receiver->end();
    tcp_.drain([this] { part_ended(); });
  });
}

void Worker::part_ended() {
  if (--parts_ == 0) drained_();
}

void Worker::hasten() {
  thread_.post([this] { tcp_.hasten(); });
}

void Worker::stop() {
  for (const auto& receiver : receivers_) receiver->end();  // at once, not one after the other
  receivers_.clear();
  thread_.stop();
}

std::uint64_t Worker::heartbeats() const {
  std::uint64_t least = thread_.heartbeats();
  for (const auto& receiver : receivers_) least = std::min(least, receiver->heartbeats());
  return least;
}

}  // namespace dns
