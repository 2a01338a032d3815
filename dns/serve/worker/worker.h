#pragma once
// Worker: what one core answers: a thread for each of its UDP sockets, and one with a loop for its TCP connections.
// They answer in turns, with one snapshot that they hold by a plain pointer for a turn; between two turns Control
// replaces it.
//
// Made, started, stopped and destroyed by Control; the rest from any thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/serve/responder/responder.h"
#include "dns/serve/tcp/tcp_server.h"
#include "dns/serve/udp/udp_receiver.h"
#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/unique_fd.h"

namespace dns {

struct WorkerSetup {
  std::string name;                   // "udp-" and "tcp-" before it are the threads'
  std::optional<unsigned> core;       // they are pinned to
  std::vector<shared::UniqueFd> udp;  // bound
  std::vector<shared::UniqueFd> tcp;  // listening
  std::vector<shared::UniqueFd> tls;  // likewise
  TcpServer::MakeTls make_tls{};      // for connections of `tls`
  TcpSettings tcp_settings;
  Publication first;
  std::uint64_t seed = 0;                // of the draws among clients
  std::shared_ptr<ResponseCells> cells;  // what all workers limit responses in; none: they do not
};

class Worker {
 public:
  explicit Worker(WorkerSetup setup);
  ~Worker();  // stop()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Whatever arrives from now on is answered with `next`. Returns the one before; no thread of the worker has it.
  [[nodiscard]] Publication publish(Publication next) { return responder_.replace(std::move(next)); }
  void set(const TcpSettings& tcp);
  // Answers what is queued on the sockets and closes them; once the last TCP session has ended by itself, or by
  // hasten(), calls `done` on the worker.
  void drain(std::function<void()> done);
  // Lets no session wait for another query.
  void hasten();
  void stop();  // what is open is closed

  [[nodiscard]] const WorkerCounters& counters() const { return responder_.counters(); }
  // Ten a second; a number that stands still is a worker one of whose threads hangs.
  [[nodiscard]] std::uint64_t heartbeats() const;

 private:
  void part_ended();

  Responder responder_;
  shared::WorkerThread thread_;
  TcpServer tcp_;
  std::vector<std::unique_ptr<UdpReceiver>> receivers_;
  std::size_t parts_;  // receivers and the TCP server, those that have not ended
  std::function<void()> drained_;
};

}  // namespace dns
