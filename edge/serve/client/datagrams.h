#pragma once
// Datagrams: one worker's socket of a listener with `protocol: udp`, and its sessions. A session is a client's address
// and port with a server of the pool: a Visit and a connected socket to that server, so that answers find their client
// and an unreachable server is heard of. It ends when nothing has come either way for the idle time. Their number is
// bounded; nothing is queued here but by the kernel. Owned by a Worker; its thread.
//
//   listening socket --recvmmsg--> session --send--> server
//                  <--sendmmsg--  (of the client) <--recvmmsg--

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "edge/core/decide/decide_connection.h"
#include "edge/serve/io/datagram_batch.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/request/context.h"
#include "edge/serve/upstream/visit.h"
#include "shared/core/ip.h"
#include "shared/serve/loop/worker_loop.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

// Whether another process reads the same sockets from now on.
enum class Heir : std::uint8_t { none, accepts };

class Datagrams {
 public:
  // `listener`: its index in PoolListeners.
  Datagrams(WorkerContext& context, shared::UniqueFd socket, std::size_t listener);
  ~Datagrams();
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  // Nobody new is let in. With an heir nothing is read from clients any more, and who waits for an answer gets it; else
  // sessions live on for the grace. Calls `done` once none is left.
  void wind_down(Heir heir, std::function<void()> done);

 private:
  struct Session : Pooled {
    Session(Datagrams& in, const shared::Endpoint& from)
        : owner(in), client(from), snapshot(in.context_.snapshots.pin()) {}

    Datagrams& owner;
    shared::Endpoint client;
    DatagramPath path{};
    Snapshots::Pin snapshot;
    const PoolListener* listener = nullptr;
    const Pool* pool = nullptr;
    const Server* server = nullptr;
    std::optional<Visit> visit;
    shared::UniqueFd socket;
    shared::Watch watch{};
    std::list<Session*>::iterator place{};
    std::uint64_t octets_in = 0, octets_out = 0;
    shared::TimePoint began{}, first_answer{}, last{};
  };
  struct Hash {
    std::size_t operator()(const shared::Endpoint& at) const;
  };
  enum class Delivered : std::uint8_t { yes, no, refused };

  static void on_clients(void* self, std::uint32_t events);
  static void on_server(void* session, std::uint32_t events);
  [[nodiscard]] const PoolListener& listener() const;
  void from_clients();
  void deliver(unsigned i);
  [[nodiscard]] Session* session_of(const shared::Endpoint& client, unsigned i);
  [[nodiscard]] Session* begin(const shared::Endpoint& client, unsigned i);
  [[nodiscard]] std::optional<Error> reach_server(Session& session);
  [[nodiscard]] bool make_room(const PoolListener& at);
  [[nodiscard]] static Delivered send(Session& session, std::span<const char> datagram);
  void from_server(Session& session);
  void touch(Session& session);
  void refuse(const Error& error);
  void end(Session& session, std::optional<Error> error);
  void sweep();
  void sweep_soon();
  [[nodiscard]] bool over(const Session& session) const;

  WorkerContext& context_;
  shared::UniqueFd socket_;
  std::size_t listener_;
  shared::Watch watch_;
  DatagramBatch batch_;
  std::unordered_map<shared::Endpoint, std::unique_ptr<Session>, Hash> sessions_;
  std::list<Session*> order_;  // who was silent for longest is in front
  shared::Deadline sweeper_;
  std::optional<Heir> winding_down_;
  shared::TimePoint ends_ = shared::TimePoint::max();
  std::function<void()> finished_;
};

}  // namespace edge
