#include "dns/serve/worker.h"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "shared/serve/socket.h"

namespace dns {

Worker::Worker(WorkerSetup setup)
    : thread_(std::move(setup.thread)),
      responder_(std::move(setup.first), setup.seed, std::move(setup.cells)),
      retire_(std::move(setup.retire)),
      tcp_(thread_.loop(), responder_) {
  tcp_.set(setup.tcp_settings);
  for (auto& fd : setup.udp) {
    configure_udp(fd.get(), shared::local_endpoint(fd.get()).address.family);
    udp_.push_back(std::make_unique<Descriptor>(thread_.loop().get_executor(), fd.release()));
    wait(*udp_.back());
  }
  for (auto& fd : setup.tcp) tcp_.add_listener(std::move(fd));
}

Worker::~Worker() { stop(); }

void Worker::start() { thread_.start(); }

void Worker::publish(Publication next, TcpSettings tcp) {
  thread_.post([this, next = std::move(next), tcp]() mutable {
    tcp_.set(tcp);
    retire_(responder_.replace(std::move(next)));
  });
}

void Worker::retire(std::function<void()> done) {
  thread_.post([this, done = std::move(done)]() mutable {
    for (auto& socket : udp_) {
      for (unsigned round = 0; round < kRounds; ++round) {
        const unsigned count = batch_.receive(socket->native_handle());
        if (count == 0) break;
        answer_batch(socket->native_handle(), count);
      }
    }
    // Not just closed: while another process has the socket, only release() takes it out of our epoll set.
    for (auto& socket : udp_) ::close(socket->release());
    tcp_.retire(std::move(done));
  });
}

void Worker::hasten() {
  thread_.post([this] { tcp_.hasten(); });
}

void Worker::stop() {
  thread_.stop();
  thread_.join();
}

void Worker::wait(Descriptor& socket) {
  socket.async_wait(Descriptor::wait_read, [this, &socket](shared::error_code error) {
    if (!error) serve(socket);
  });
}

// Busy: two system calls for a batch, and no waiting while there is more.
void Worker::serve(Descriptor& socket) {
  if (!socket.is_open()) return;
  for (unsigned round = 0; round < kRounds; ++round) {
    const unsigned count = batch_.receive(socket.native_handle());
    if (count > 0) answer_batch(socket.native_handle(), count);
    if (count <= kSparse) return wait(socket);
  }
  thread_.post([this, &socket] { serve(socket); });
}

void Worker::answer_batch(int fd, unsigned count) {
  responder_.tick();
  for (unsigned first = 0; first < count; first += kGroup) answer_group(first, std::min(kGroup, count - first));
  const unsigned failed = batch_.send(fd, count);
  if (failed > 0) responder_.counters().send_failed.add(failed);
}

// All are parsed before the first is answered, so that the memory that they need is on its way.
void Worker::answer_group(unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    Query* const query =
        new (&queries_[i]) Query(parse_query(batch_.packet(first + i)));  // in place: 1.6 KB not copied
    if (query->verdict == Verdict::answer) responder_.prefetch(*query);
  }
  for (unsigned i = 0; i < count; ++i) {
    const AnswerRequest request{.packet = batch_.packet(first + i),
                                .client = batch_.client(first + i),
                                .transport = Transport::udp,
                                .entropy = 0,
                                .idle_timeout = 0,
                                .unix_time = 0};
    batch_.set_reply(first + i, responder_.respond(queries_[i], request, batch_.reply_buffer(first + i)));
  }
}

}  // namespace dns
