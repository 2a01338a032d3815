#pragma once
// Worker: one core, one thread, one event loop, with UDP and TCP sockets of its own. Holds its snapshot by a plain
// pointer for a batch; Control mails the next one, and gets the old one back, which dies elsewhere.
//
//   wait until readable -> [recvmmsg -> parse -> look up -> answer -> sendmmsg] while there is more, 16 times at most
//
// Made, started, stopped and destroyed by Control; publish(), retire() and hasten() from any thread, counters from any
// thread.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "dns/core/query.h"
#include "dns/serve/responder.h"
#include "dns/serve/tcp_server.h"
#include "dns/serve/udp_batch.h"
#include "shared/serve/loop.h"
#include "shared/serve/unique_fd.h"
#include "shared/serve/worker_thread.h"

namespace dns {

struct WorkerSetup {
  shared::WorkerSettings thread;
  std::vector<shared::UniqueFd> udp;  // bound
  std::vector<shared::UniqueFd> tcp;  // listening
  TcpSettings tcp_settings;
  Publication first;
  std::uint64_t seed = 0;                   // of the draws among clients
  std::shared_ptr<ResponseCells> cells;     // what all workers limit responses in; none: they do not
  std::function<void(Publication)> retire;  // takes old publications; called on the worker
};

class Worker {
 public:
  explicit Worker(WorkerSetup setup);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  void publish(Publication next, TcpSettings tcp);
  // Answers what is queued on the sockets and closes them; once the last TCP session has ended by itself, or by
  // hasten(), calls `done` on the worker.
  void retire(std::function<void()> done);
  // Lets no session wait for another query.
  void hasten();
  void stop();  // and joins; what is open is closed

  [[nodiscard]] const WorkerCounters& counters() const { return responder_.counters(); }
  [[nodiscard]] std::uint64_t heartbeats() const { return thread_.heartbeats(); }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<shared::LoopExecutor>;
  static constexpr unsigned kRounds = 16;  // of one socket before other events have their turn
  static constexpr unsigned kSparse = 4;   // after so few datagrams, asking for more is likely in vain
  static constexpr unsigned kGroup = 16;   // parsed and looked up together: their names' lines fit into the L1 cache

  // In the loop's epoll set only while it is waited for: there, every datagram that leaves or arrives costs a call back
  // into epoll, 0.15 us each, whether or not anybody waits.
  class UdpSocket {
   public:
    UdpSocket(shared::Loop& loop, shared::UniqueFd fd) : fd_(std::move(fd)), waiter_(loop.get_executor()) {}
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;
    ~UdpSocket() { leave_epoll(); }

    [[nodiscard]] bool is_open() const { return fd_.valid(); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    template <class Done>
    void wait(Done&& done);
    void leave_epoll();
    void close();

   private:
    shared::UniqueFd fd_;
    Descriptor waiter_;  // holds fd_ while it is in the epoll set
  };

  void wait(UdpSocket& socket);
  void serve(UdpSocket& socket);
  void answer_batch(int fd, unsigned count);
  void answer_group(unsigned first, unsigned count);

  shared::WorkerThread thread_;
  Responder responder_;
  std::function<void(Publication)> retire_;
  UdpBatch batch_;
  std::array<Query, kGroup> queries_;
  std::array<shared::IpAddress, kGroup> clients_;
  std::array<Found, kGroup> found_;
  static_assert(std::is_trivially_destructible_v<Query>);  // each group is made over the one before
  std::vector<std::unique_ptr<UdpSocket>> udp_;
  TcpServer tcp_;
};

}  // namespace dns
