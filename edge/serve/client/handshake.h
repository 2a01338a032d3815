#pragma once
// Handshake: what a client's connection is until its layer is ready: it lets TLS shake hands within an absolute
// deadline and hands the socket over to what the two have agreed to speak (ALPN), see make_spoken(). It counts as a
// connection and stands in line as one whose head has not come. Owned by Clients; its worker's thread.

#include <memory>
#include <optional>

#include "edge/serve/client/client_connection.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/stream.h"
#include "edge/serve/io/task.h"

namespace edge {

class Handshake final : public ClientConnection, public Pooled {
 public:
  // REQUIRES: the listener has a layer; this is one.
  Handshake(WorkerContext& context, Clients& clients, const Newcomer& newcomer, std::unique_ptr<StreamLayer> layer);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  void start() override;
  [[nodiscard]] bool idle() const override { return false; }
  void close() override;
  // What comes after it is drained; that is soon.
  void drain() override {}
  [[nodiscard]] std::optional<double> waiting_rate() override { return std::nullopt; }

 private:
  Task<> run();
  [[nodiscard]] Progress woken(Wake wake);
  void count_failure();
  void hand_over();

  WorkerContext& context_;
  Clients& clients_;
  Newcomer newcomer_;
  Stream stream_;
  Waiter waiter_;
  shared::TimePoint deadline_;
  bool timed_out_ = false;
  bool closed_ = false;
  std::optional<Task<>> root_;
};

}  // namespace edge
