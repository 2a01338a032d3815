#include "dns/serve/udp/udp_receiver.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "shared/serve/os/socket.h"
#include "shared/serve/os/thread_setup.h"

namespace dns {

UdpReceiver::UdpReceiver(shared::UniqueFd socket, Responder& responder, UdpReceiverSettings settings)
    : socket_(std::move(socket)), responder_(responder), settings_(std::move(settings)) {
  configure_udp(socket_.get(), shared::local_endpoint(socket_.get()).address.family);
}

UdpReceiver::~UdpReceiver() {
  end();
  if (thread_.joinable()) thread_.join();
}

void UdpReceiver::start() {
  thread_ = std::thread([this] { run(); });
}

void UdpReceiver::run() {
  shared::begin_thread(settings_.name, settings_.core);
  while (!ending_.load(std::memory_order_relaxed)) {
    const unsigned count = batch_.receive(socket_.get(), UdpBatch::Wait::for_one);
    if (count > 0) answer_batch(count);
    heartbeats_.store(settings_.beats(), std::memory_order_relaxed);
  }
  for (unsigned i = 0; i < kLast; ++i) {
    const unsigned count = batch_.receive(socket_.get(), UdpBatch::Wait::no);
    if (count == 0) break;
    answer_batch(count);
  }
  socket_.reset();
  heartbeats_.store(std::numeric_limits<std::uint64_t>::max(), std::memory_order_relaxed);
  settings_.ended();
}

void UdpReceiver::answer_batch(unsigned count) {
  {
    const Responder::Turn turn(responder_);
    for (unsigned first = 0; first < count; first += kGroup) answer_group(first, std::min(kGroup, count - first));
  }
  const unsigned failed = batch_.send(socket_.get(), count);
  if (failed == 0) return;
  const Responder::Turn turn(responder_);
  responder_.counters().send_failed.add(failed);
}

// Step by step over the group, so that what one query needs of the memory is on its way while others are looked at.
void UdpReceiver::answer_group(unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    new (&queries_[i]) Query(parse_query(batch_.packet(first + i)));  // in place: 1.6 KB not copied
    clients_[i] = batch_.client(first + i);
  }
  responder_.look_up({queries_.data(), count}, {clients_.data(), count}, {found_.data(), count});
  for (unsigned i = 0; i < count; ++i) {
    const AnswerRequest request{.query = queries_[i], .found = found_[i], .client = clients_[i]};
    batch_.set_reply(first + i, responder_.respond(request, batch_.reply_buffer(first + i)));
  }
}

}  // namespace dns
