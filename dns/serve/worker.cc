#include "dns/serve/worker.h"

#include <algorithm>
#include <new>
#include <utility>

#include <boost/asio/post.hpp>

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
    udp_.push_back(std::make_unique<UdpSocket>(thread_.loop(), std::move(fd)));
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
        const unsigned count = batch_.receive(socket->fd());
        if (count == 0) break;
        answer_batch(socket->fd(), count);
      }
    }
    for (auto& socket : udp_) socket->close();
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

// Where epoll takes no more descriptors (fs.epoll.max_user_watches), the socket is looked at again instead: dear, but
// nothing goes unanswered.
template <class Done>
void Worker::UdpSocket::wait(Done&& done) {
  shared::error_code refused;
  if (!waiter_.is_open()) waiter_.assign(fd_.get(), refused);
  if (refused) return shared::asio::post(waiter_.get_executor(), [done] { done({}); });
  waiter_.async_wait(Descriptor::wait_read, std::forward<Done>(done));
}

void Worker::UdpSocket::leave_epoll() {
  if (waiter_.is_open()) (void)waiter_.release();
}

// Not just closed: while another process has the socket, only leaving takes it out of our epoll set.
void Worker::UdpSocket::close() {
  leave_epoll();
  fd_.reset();
}

void Worker::wait(UdpSocket& socket) {
  socket.wait([this, &socket](shared::error_code error) {
    if (!error) serve(socket);
  });
}

// Busy: two system calls for a batch, and no waiting while there is more.
void Worker::serve(UdpSocket& socket) {
  if (!socket.is_open()) return;
  for (unsigned round = 0; round < kRounds; ++round) {
    const unsigned count = batch_.receive(socket.fd());
    if (count > 0) answer_batch(socket.fd(), count);
    if (count <= kSparse) return wait(socket);
    if (round > 0) socket.leave_epoll();  // one batch may be chance
  }
  thread_.post([this, &socket] { serve(socket); });
}

void Worker::answer_batch(int fd, unsigned count) {
  responder_.tick();
  for (unsigned first = 0; first < count; first += kGroup) answer_group(first, std::min(kGroup, count - first));
  const unsigned failed = batch_.send(fd, count);
  if (failed > 0) responder_.counters().send_failed.add(failed);
}

// Step by step over the group, so that what one query needs of the memory is on its way while others are looked at.
void Worker::answer_group(unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    new (&queries_[i]) Query(parse_query(batch_.packet(first + i)));  // in place: 1.6 KB not copied
    clients_[i] = batch_.client(first + i);
  }
  responder_.look_up({queries_.data(), count}, {clients_.data(), count}, {found_.data(), count});
  for (unsigned i = 0; i < count; ++i) {
    const AnswerRequest request{.packet = batch_.packet(first + i),
                                .client = clients_[i],
                                .transport = Transport::udp,
                                .entropy = 0,
                                .idle_timeout = 0,
                                .unix_time = 0};
    batch_.set_reply(first + i, responder_.respond(queries_[i], found_[i], request, batch_.reply_buffer(first + i)));
  }
}

}  // namespace dns
