#pragma once
// ProbeConnection: one connection of a probe, from connect to close. From the moment it stands a read is always
// outstanding, so that its end is seen at once, asked or idle. Held by its Probe and by its own operations; control
// loop.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/serve/probe/probe_gate.h"
#include "shared/serve/probe/probe_transport.h"

namespace shared {

class ProbeConnection : public std::enable_shared_from_this<ProbeConnection> {
 public:
  struct Events {
    std::function<void()> connected;
    std::function<void(std::string_view)> bytes;
    std::function<void(error_code)> failed;  // connect, handshake, end of stream, reset; the last event
  };

  ProbeConnection(std::unique_ptr<ProbeTransport> transport, std::shared_ptr<ProbeGate> gate)
      : transport_(std::move(transport)), gate_(std::move(gate)) {}

  void open(const Endpoint& endpoint, Events events);
  void write(std::string bytes);
  void close();  // no event after it

 private:
  void read();
  void fail_with(error_code error);

  std::unique_ptr<ProbeTransport> transport_;
  std::shared_ptr<ProbeGate> gate_;  // counts it from open() to close()
  Events events_;
  std::string out_;
  std::array<char, 4096> in_{};
  bool closed_ = false;
};

}  // namespace shared
