#pragma once
// Worker: one core, one thread, one event loop. Owns its listening sockets, its clients' connections and what it has
// for requests; shares nothing that changes but Live and Admission, and knows no protocol: a listener says what its
// clients speak. Control makes it, starts it, mails it snapshots and ends it; everything here is Control's side.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/client/datagrams.h"
#include "edge/serve/client/listener.h"
#include "edge/serve/request/context.h"
#include "shared/serve/loop/listener.h"
#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

struct WorkerSettings {
  std::string name;  // of the thread, see WorkerThreadSettings
  std::optional<unsigned> core;
  ClientsSettings clients;
  ContextSettings context;
};

class Worker {
 public:
  // `live` outlives the worker. `lane` may be null: no access log.
  Worker(WorkerSettings settings, Live& live, AccessLane* lane, std::shared_ptr<const Snapshot> snapshot,
         Snapshots::Discard discard);
  ~Worker();  // stop()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before start().
  void add_listener(shared::UniqueFd socket, std::shared_ptr<const Listener> listener);
  // Of UDP; `listener` is its index in PoolListeners.
  void add_datagrams(shared::UniqueFd socket, std::size_t listener);
  void start();
  // The rest from any thread but the worker's.
  void publish(std::shared_ptr<const Snapshot> snapshot);
  // Calls with a copy of where the worker stands in the pools' orders, on the worker's thread.
  void tell_balance(std::function<void(const BalanceState&)> call);
  // Stops accepting; every answer is its connection's last, and idle connections stay until their client speaks, falls
  // silent for too long, or hasten() is called: for when another process accepts on the same sockets. Calls `done` on
  // the worker's thread when none is left.
  void wind_down(std::function<void()> done, Heir heir = Heir::none);
  // Closes idle connections, now and whenever one gets idle.
  void hasten();
  // Ends the loop and every connection with it.
  void stop();
  [[nodiscard]] const Counters& counters() const { return context_.counters; }
  [[nodiscard]] const ServerCounterTable& servers() const { return context_.servers; }
  [[nodiscard]] std::size_t max_memory() const { return max_memory_; }
  [[nodiscard]] const std::string& name() const { return thread_.name(); }
  // Beats of the worker's own loop, ten a second; a number that stands still is a worker that hangs.
  [[nodiscard]] std::uint64_t heartbeats() const { return thread_.heartbeats(); }

 private:
  void make_room();
  void clear();
  void sweep();

  std::size_t max_memory_;
  shared::WorkerThread thread_;
  WorkerContext context_;
  Clients clients_;
  std::vector<std::unique_ptr<shared::Listener>> listeners_;
  std::vector<std::unique_ptr<Datagrams>> datagrams_;
  shared::Deadline sweeper_;
};

}  // namespace edge
