#pragma once
// ClientConnection: what a worker wants of any client's connection, whatever protocol it speaks: to know whether it is
// idle, to close it, and to let it come to its end. HTTP/1 is one (h1.h). Owned by Clients; its worker's thread.

#include <cstdint>
#include <optional>

#include "edge/serve/account/client_lines.h"

namespace edge {

class ClientConnection {
 public:
  ClientConnection() = default;
  virtual ~ClientConnection() = default;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Once, right after it was let in.
  virtual void start() = 0;
  // The client waits for nothing: between two requests, with nothing received.
  [[nodiscard]] virtual bool idle() const = 0;
  // Now, whatever it does.
  virtual void close() = 0;
  // No more is to be begun on it. One that is idle closes, unless a request has come meanwhile, which is answered
  // first; another one ends with what it does.
  virtual void drain() = 0;
  // Octets a second that have moved of late while it is the client that is waited for; nothing: it is not, or for a
  // moment only.
  [[nodiscard]] virtual std::optional<double> waiting_rate() = 0;

 private:
  friend class Clients;
  std::uint32_t index_ = 0;  // in Clients
  bool counted_ = true;      // in Admission; here, so that an idle connection is not a step larger
  LinePlace place_;
};

}  // namespace edge
