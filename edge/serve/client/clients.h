#pragma once
// Clients: a worker's connections of clients, of any protocol: lets newcomers in, makes room for them by the order of
// ClientLines (who must go first), and brings all of them to an end. Shares the count of the whole process, Admission,
// with the other workers. Owned by a Worker; its thread.
//
//   accept -> offer --room?--> admit --make--> ClientConnection ... stand ... --> remove
//                \--full: give_up_one, another worker, or away

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/account/client_lines.h"
#include "edge/serve/client/admission.h"
#include "edge/serve/client/client_connection.h"
#include "edge/serve/request/context.h"

namespace edge {

struct ClientsSettings {
  std::shared_ptr<Admission> admission;                           // of all workers; null: of this one alone
  std::size_t index = 0;                                          // in `admission`
  std::size_t max_connections = ProcessLimits{}.max_connections;  // without `admission`
  std::size_t max_memory = ProcessLimits{}.max_memory;            // octets of connections and requests
};

class Clients {
 public:
  using Make = std::unique_ptr<ClientConnection> (*)(WorkerContext& context, Clients& clients,
                                                     const Newcomer& newcomer);

  Clients(WorkerContext& context, ClientsSettings settings, Make make);
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  // The worker's.
  void offer(Newcomer newcomer);
  // One connection that may go does. False: all have a right to stay.
  bool give_up_one() { return give_up_one(nullptr); }
  // From now on every answer says that it is its connection's last; calls `done` once none is left.
  void wind_down(std::function<void()> done);
  // Nor may a connection stay that waits for another request.
  void hasten();
  void clear() { connections_.clear(); }
  [[nodiscard]] std::size_t size() const { return connections_.size(); }

  // The connections'.
  [[nodiscard]] bool winding_down() const { return winding_down_; }
  [[nodiscard]] bool hastening() const { return hastening_; }
  // It begins a head, or waits for the next request, or serves one.
  void stand(ClientConnection& connection, ClientState state);
  // What comes after it on the same socket takes its place, in Admission and in line; it is destroyed at the end of the
  // turn. REQUIRES: it has not been closed.
  void hand_over(ClientConnection& before, std::unique_ptr<ClientConnection> next);
  // It is over; it is destroyed at the end of the turn.
  void remove(ClientConnection& connection);
  // All that may be in use for requests is: a new one has to go elsewhere.
  [[nodiscard]] bool out_of_memory();

 private:
  enum class Crowd : std::uint8_t { none, of_client, of_all };

  void admit(const Newcomer& newcomer, const shared::IpAddress& client);
  [[nodiscard]] Crowd crowd_for(const Newcomer& newcomer, const shared::IpAddress& client) const;
  // Of this client, if that is not null.
  bool give_up_one(const shared::IpAddress* client);
  [[nodiscard]] bool heads_go_first(shared::TimePoint now) const;
  [[nodiscard]] ClientConnection* slowest(const shared::IpAddress* client);
  void evict(ClientConnection& connection, shared::Counter& reason);
  void count_out(ClientConnection& connection);
  void check_finished();

  WorkerContext& context_;
  ClientsSettings settings_;
  Make make_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;  // each knows its index
  ClientLines lines_;
  std::size_t slow_cursor_ = 0;
  bool winding_down_ = false;
  bool hastening_ = false;
  std::function<void()> finished_;
};

}  // namespace edge
