#pragma once
// Certificates: what the listeners that speak TLS show now: a TlsServer for each, and the keys of session tickets,
// which all of them share. A worker asks for the present one at each handshake; connections keep theirs. Owned by
// Control, on its loop; what layer_maker() gives may be called by workers while this stands.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/load/build.h"
#include "edge/serve/io/stream_layer.h"
#include "shared/core/result.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/tls/ticket_keys.h"
#include "shared/serve/tls/tls_server.h"

namespace edge {

// An error for each certificate of `next` that has expired where the present one of the same address and place has not.
void refuse_expired(const Built& present, const Built& next, std::chrono::system_clock::time_point now,
                    shared::load::Diagnostics& diagnostics);

class Certificates {
 public:
  explicit Certificates(shared::Loop& loop) : rotation_(loop) {}
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  // All or nothing. REQUIRES: the same listeners as before.
  [[nodiscard]] shared::Result<void> set(const Built& built);
  // For the listener with this index in the configuration; empty: it does not speak TLS. REQUIRES: set() was well.
  [[nodiscard]] std::function<std::unique_ptr<StreamLayer>()> layer_maker(std::size_t index) const;

  // Which certificate a client meets that asks for this name: "shop.pem, for www.shop.example"; empty: no TLS there.
  [[nodiscard]] std::string met_by(std::size_t index, std::string_view name) const;

 private:
  struct Slot {
    std::atomic<std::shared_ptr<const shared::TlsServer>> server;
  };

  void set_ticket_keys(const std::vector<std::string>& keys);
  void wait_for_rotation();

  shared::TicketKeys tickets_;
  std::map<std::size_t, std::shared_ptr<Slot>> slots_;  // by index in the configuration
  shared::Timer rotation_;
  bool from_file_ = false;
  bool rotates_ = false;
};

}  // namespace edge
