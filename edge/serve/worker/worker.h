#pragma once
// Worker: one core, one thread, one event loop. Owns its listening sockets, its clients' connections, idle upstream
// connections, buffers and counters; shares nothing that changes but Live. Control makes it, starts it, mails it
// snapshots and ends it; the lower half of the class is for what runs on its thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/account/client_lines.h"
#include "edge/serve/request/context.h"
#include "edge/serve/worker/admission.h"
#include "shared/core/ip.h"
#include "shared/serve/loop/listener.h"
#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

class H1Connection;

struct WorkerSettings {
  std::string name;  // of the thread, see WorkerThreadSettings
  std::optional<unsigned> core;
  std::shared_ptr<Admission> admission;           // of all workers; null: of this one alone
  std::size_t index = 0;                          // in `admission`
  std::size_t max_connections = 10000;            // of clients, without `admission`
  std::size_t max_memory = std::size_t{1} << 30;  // octets of connections and requests
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

  // Control's side, any thread but the worker's.
  void add_listener(shared::UniqueFd listener);  // before start()
  void start();
  void publish(std::shared_ptr<const Snapshot> snapshot);
  // Stops accepting, closes idle connections, lets the others finish their request; then calls `done` on the worker.
  void finish(std::function<void()> done);
  // As finish(), but idle connections stay until their client speaks, falls silent for too long, or hasten() is called:
  // for when another process accepts on the same sockets.
  void wind_down(std::function<void()> done);
  void hasten();
  // Ends the loop and every connection with it.
  void stop();
  [[nodiscard]] const Counters& counters() const { return context_.counters; }
  [[nodiscard]] const ServerCounterTable& servers() const { return context_.servers; }
  [[nodiscard]] std::size_t max_memory() const { return settings_.max_memory; }
  [[nodiscard]] const std::string& name() const { return thread_.name(); }
  // Beats of the worker's own loop, ten a second; a number that stands still is a worker that hangs.
  [[nodiscard]] std::uint64_t heartbeats() const { return thread_.heartbeats(); }

  // The worker's own side.
  [[nodiscard]] shared::WorkerLoop& loop() { return thread_.loop(); }
  [[nodiscard]] WorkerContext& context() { return context_; }
  // No more is accepted, and every answer says that it is the connection's last.
  [[nodiscard]] bool finishing() const { return finishing_; }
  // Nor may a connection stay that waits for another request.
  [[nodiscard]] bool hastening() const { return hastening_; }
  // Closes connections that do nothing: the process is near its limit of descriptors.
  void make_room();
  // All that may be in use for requests is: a new one has to go elsewhere.
  [[nodiscard]] bool out_of_memory();
  // A connection begins a head, or waits for the next request, or serves one.
  void stand(H1Connection& connection, ClientState state);
  // The connection is over; it is destroyed at the end of the turn.
  void retire(H1Connection& connection);

 private:
  enum class Crowd : std::uint8_t { none, of_client, of_all };

  void offer(Newcomer newcomer);
  void admit(Newcomer newcomer, const shared::IpAddress& client);
  [[nodiscard]] Crowd crowd_for(const Newcomer& newcomer, const shared::IpAddress& client) const;
  // One that may go does; null: whoever it is. False: all have a right to stay.
  bool give_up_one(const shared::IpAddress* client);
  [[nodiscard]] bool heads_go_first(shared::TimePoint now) const;
  [[nodiscard]] H1Connection* slowest(const shared::IpAddress* client);
  void evict(H1Connection& connection, shared::Counter& reason);
  void count_out(H1Connection& connection);
  void check_finished();
  void close_all();
  void stop_accepting(std::function<void()> done);
  void close_all_idle();
  void sweep();

  WorkerSettings settings_;
  shared::WorkerThread thread_;
  WorkerContext context_;
  std::vector<std::unique_ptr<shared::Listener>> listeners_;
  std::vector<std::unique_ptr<H1Connection>> connections_;  // each knows its index
  ClientLines lines_;
  std::size_t slow_cursor_ = 0;
  shared::Deadline sweeper_;
  bool finishing_ = false;
  bool hastening_ = false;
  std::function<void()> finished_;
};

}  // namespace edge
