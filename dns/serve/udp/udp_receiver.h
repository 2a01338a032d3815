#pragma once
// UdpReceiver: one UDP socket and the thread that answers what comes there. Two system calls for a batch, be it of one
// datagram or of 64, and none in vain; why it blocks in recvmmsg(2) instead of waiting in epoll:
// docs/decisions/013-udp-in-blocking-threads.md. Owned by a Worker.
//
//   recvmmsg until one is here, or 100 ms -> [parse -> look up -> answer] under the worker's turn -> sendmmsg

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>

#include "dns/core/zone/query.h"
#include "dns/serve/responder/responder.h"
#include "dns/serve/udp/udp_batch.h"
#include "shared/serve/os/unique_fd.h"

namespace dns {

struct UdpReceiverSettings {
  std::string name;                      // of the thread, at most 15 bytes
  std::optional<unsigned> core;          // it is pinned to
  std::function<std::uint64_t()> beats;  // of the worker; any thread
  std::function<void()> ended;  // after end(): the queue is answered and the socket closed; on the receiver's thread
};

class UdpReceiver {
 public:
  // Takes the bound socket.
  UdpReceiver(shared::UniqueFd socket, Responder& responder, UdpReceiverSettings settings);
  ~UdpReceiver();  // end(), and waits for it
  UdpReceiver(const UdpReceiver&) = delete;
  UdpReceiver& operator=(const UdpReceiver&) = delete;

  void start();
  // Answers what is queued, closes the socket, ends the thread; within some 100 ms. Any thread.
  void end() { ending_.store(true, std::memory_order_relaxed); }
  // What `beats` gave at the thread's last turn, at most 100 ms ago while it is well; ended, the largest number. Any
  // thread.
  [[nodiscard]] std::uint64_t heartbeats() const { return heartbeats_.load(std::memory_order_relaxed); }

 private:
  static constexpr unsigned kGroup = 16;  // parsed and looked up together: their names' lines fit into the L1 cache
  static constexpr unsigned kLast = 16;   // batches that are answered at the end, at most

  void run();
  void answer_batch(unsigned count);
  void answer_group(unsigned first, unsigned count);

  shared::UniqueFd socket_;
  Responder& responder_;
  UdpReceiverSettings settings_;
  UdpBatch batch_;
  std::array<Query, kGroup> queries_;
  std::array<shared::IpAddress, kGroup> clients_;
  std::array<Found, kGroup> found_;
  static_assert(std::is_trivially_destructible_v<Query>);  // each group is made over the one before
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> heartbeats_{0};
  std::thread thread_;
};

}  // namespace dns
