#pragma once
// Arrival: a connection whose PROXY header has not been read yet. A client's connection like another, so it is counted,
// may have to go when there is no room, and ends with a drain; once the header is read it makes room for the connection
// that was introduced, which is offered anew under the client's own address. The header is looked at in the socket
// (MSG_PEEK) and exactly its octets are taken out: what follows is still there for TLS or for the protocol.
//
//   accept -> listed? -> Arrival --header--> offer(the client) -> [TLS] -> protocol
//                             \--bad, late, gone: closed and counted
//
// Owned by Clients; its worker's thread.

#include <cstdint>

#include "edge/serve/client/client_connection.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/io/frame_pool.h"
#include "shared/core/proxy_header.h"

namespace edge {

class Arrival final : public ClientConnection, public Pooled {
 public:
  Arrival(WorkerContext& context, Clients& clients, Newcomer newcomer);
  ~Arrival() override { release(); }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  void start() override;
  [[nodiscard]] bool idle() const override { return false; }
  void close() override { end(); }
  void drain() override;
  [[nodiscard]] std::optional<double> waiting_rate() override { return std::nullopt; }

 private:
  enum class Look : std::uint8_t { waits, over };

  static void on_event(void* self, std::uint32_t events);
  static void on_deadline(void* self);
  Look look();
  void bad(std::string_view why);
  void welcome(const shared::ProxyRead& read);
  void end();
  void release();

  WorkerContext& context_;
  Clients& clients_;
  Newcomer newcomer_;
  shared::Deadline deadline_;
  shared::Watch watch_;
  bool watched_ = false;
  bool over_ = false;
};

}  // namespace edge
