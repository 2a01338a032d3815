#pragma once
// TcpConnection: a client's connection that is passed on to a server of a pool, whatever is spoken on it: a Visit, two
// Streams and a Flow each way. With rules by SNI the ClientHello is read first, and passed on unchanged. A connect that
// fails goes to another server, as nothing has been sent; what ends one side ends the other in the same way, a FIN with
// a FIN, a reset with a reset. Under a layer TLS ends here. Owned by Clients; its worker's thread.
//
//   handshake --> hello --> (decide) --> connecting --> relaying --> over
//   (a layer)     (SNI)                  <-- another server

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "edge/core/decide/decide_connection.h"
#include "edge/serve/client/admission.h"
#include "edge/serve/client/client_connection.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/io/flow.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/task.h"
#include "edge/serve/upstream/connector.h"
#include "edge/serve/upstream/visit.h"

namespace edge {

class TcpConnection final : public ClientConnection, public Pooled {
 public:
  // Takes the newcomer's descriptor. `layer` may be null: plain.
  TcpConnection(WorkerContext& context, Clients& clients, const Newcomer& newcomer, std::unique_ptr<StreamLayer> layer);
  ~TcpConnection() override;
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  void start() override;
  [[nodiscard]] bool idle() const override { return false; }  // nobody knows
  void close() override;
  void drain() override;
  [[nodiscard]] std::optional<double> waiting_rate() override;

 private:
  enum class Phase : std::uint8_t { handshake, hello, connecting, relaying, over };

  // From the decision on.
  struct Session {
    explicit Session(WorkerContext& context) : snapshot(context.snapshots.pin()) {}

    Snapshots::Pin snapshot;
    const PoolListener* listener = nullptr;
    ConnectionDecision decision;
    const Server* server = nullptr;  // of the last try
    std::optional<Visit> visit;
    std::optional<Connector> connector;
    std::unique_ptr<UpstreamConnection> upstream;
    std::optional<Flow> to_server;
    std::optional<Flow> to_client;
    std::uint32_t attempts = 0;
    std::string greeting;     // a PROXY header that is still to be sent
    std::size_t greeted = 0;  // octets of a PROXY header to the server
    bool blamed = false;      // a server has been held to account for this connection's failure
    shared::TimePoint picked{};
    shared::TimePoint connected{};
    shared::TimePoint first_byte{};
  };

  Task<> run();
  [[nodiscard]] bool step(Wake wake);
  [[nodiscard]] shared::TimePoint deadline() const;
  void shake_hands();
  void read_hello();
  void decide();
  void next_try(const PickedServer& picked);
  void try_failed();
  [[nodiscard]] bool may_try_again() const;
  void check_connect(Wake wake);
  [[nodiscard]] std::string greeting() const;
  [[nodiscard]] std::string_view asked_name() const;
  void begin_relay();
  void relay();
  void look_at_ends(Flow::Step up, Flow::Step down);
  void expire();
  void end();
  void fail(ErrorKind kind, Side side, std::string_view detail) {
    fail({.kind = kind, .side = side, .detail = detail});
  }
  void fail(const Error& error);
  void account();
  void account_early();
  void close_both();

  WorkerContext& context_;
  Clients& clients_;
  Stream stream_;
  shared::Endpoint peer_;
  std::shared_ptr<const Introduction> introduction_;  // by a proxy in front; null: none
  std::size_t listener_;
  Waiter waiter_;
  Phase phase_ = Phase::handshake;
  bool closed_ = false;
  std::unique_ptr<ClientBuffers> hello_;  // while it is read, and until a server has it
  std::size_t hello_needed_ = 0;
  std::string server_name_;
  std::optional<Session> session_;
  std::optional<Error> error_;
  shared::TimePoint began_;
  shared::TimePoint moved_{};                          // when octets last did
  shared::TimePoint ends_ = shared::TimePoint::max();  // by a drain
  shared::TimePoint window_began_{};                   // of waiting_rate()
  std::uint64_t window_octets_ = 0;
  std::optional<Task<>> root_;
};

}  // namespace edge
