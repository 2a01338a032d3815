#pragma once
// Tunnel: what is special about an exchange after its 101: both sides speak a protocol of their own. Counts it, knows
// how it came to its end, and brings a WebSocket to its end where somebody wants that, between two frames:
//
//   leave() --> Close 1001 to the client --its Close passes to the server--> the server ends it
//                     \--no word for kPatience--> Close 1001 to the server --kPatience--> cut
//
// Octets go through passages, sinks before the sinks of both directions. Any other protocol is passed on unseen and can
// only be cut. Owned by a Relay, made with the 101; its worker's thread.
//
// Most messages meet a tunnel in which nothing waits and nobody leaves. For those it `rides`: it has both sockets'
// events itself and moves octets through a buffer of the worker's. A thousand tunnels that take turns then touch this,
// two sockets and a buffer that is warm, and not all that a request has. Whatever else happens the request is woken.

#include <array>
#include <cstdint>
#include <string_view>

#include "edge/core/message/websocket_frames.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/io/flow.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/message_writer.h"
#include "edge/serve/io/socket.h"
#include "shared/core/time.h"

namespace edge {

class Tunnel : public Pooled {
 public:
  static constexpr shared::Duration kPatience = shared::seconds(3);

  enum class Speaks : std::uint8_t { websocket, unknown };

  Tunnel(Speaks speaks, Counters& counters, std::uint32_t seed);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // The sink before a sink, for pump(): passes on and follows, says what has to be said between two frames, and takes
  // what comes after that without passing it on.
  template <class Sink>
  class Passage;
  template <class Sink>
  [[nodiscard]] Passage<Sink> to_server(Sink& sink) {
    return {*this, to_server_, sink};
  }
  template <class Sink>
  [[nodiscard]] Passage<Sink> to_client(Sink& sink) {
    return {*this, to_client_, sink};
  }

  // It is to come to its end, for this reason. False: it can only be cut.
  [[nodiscard]] bool leave(TunnelEnd why, shared::TimePoint now);
  [[nodiscard]] bool leaving() const { return to_client_.stopping; }
  // REQUIRES of both: leaving().
  [[nodiscard]] shared::TimePoint deadline() const { return deadline_; }
  // The deadline has come. False: nothing more is waited for.
  [[nodiscard]] bool go_on(shared::TimePoint now);

  // What it rides on; all of it stays until it has dismounted. `waiter` is the request's.
  struct Road {
    Socket* client = nullptr;
    Socket* server = nullptr;
    Scratch* scratch = nullptr;
    Waiter* waiter = nullptr;
  };
  // No side is about to end it.
  [[nodiscard]] bool can_ride() const { return to_client_.passes() && to_server_.passes(); }
  // REQUIRES: can_ride(); nothing waits to be sent or to be read.
  void ride(const Road& road);
  [[nodiscard]] bool riding() const { return road_.waiter != nullptr; }
  // What has passed meanwhile; the sockets' events are the waiter's again.
  struct Passed {
    std::uint64_t in = 0;    // octets that were taken from the client
    std::uint64_t out = 0;   // octets that were sent to it
    shared::TimePoint at{};  // the last of them
  };
  Passed dismount();

  // Who has ended it; the first word counts.
  void ended_by(TunnelEnd why);
  [[nodiscard]] std::string_view end_name() const;

 private:
  struct Direction {
    WebSocketFrames frames;
    TunnelEnd sender;  // who ends the tunnel with a Close in it
    shared::Counter& octets;
    std::string_view close;  // what is left to be said of it
    Octets kept{};           // taken from the sender, not yet by the other side
    std::size_t kept_begin = 0;
    bool stopping = false;  // at the end of the frame that is under way
    bool begun = false;     // a part of the Close is out
    [[nodiscard]] bool passes() const { return !stopping && !frames.closed() && kept.size() == 0; }
    [[nodiscard]] bool said() const { return stopping && close.empty(); }
  };

  static void on_client(void* self, std::uint32_t events);
  static void on_server(void* self, std::uint32_t events);
  void carry(Socket& from, Socket& to, Direction& direction);

  // What a ride touches comes first.
  Road road_;
  Passed passed_;
  Speaks speaks_;
  Counters& counters_;
  TunnelEnd end_ = TunnelEnd::broken;
  bool ended_ = false;
  std::array<char, 8> masked_close_;
  Direction to_server_;
  Direction to_client_;
  shared::TimePoint deadline_{};
};

template <class Sink>
class Tunnel::Passage {
 public:
  Passage(Tunnel& tunnel, Direction& direction, Sink& sink) : tunnel_(tunnel), direction_(direction), sink_(sink) {}

  // What a ride has left goes first. False: not all of it was taken.
  [[nodiscard]] bool clear() {
    while (direction_.kept_begin < direction_.kept.size()) {
      const std::string_view kept(direction_.kept.data(), direction_.kept.size());
      const std::size_t n = write(kept.substr(direction_.kept_begin));
      if (n == 0) return false;
      direction_.kept_begin += n;
    }
    direction_.kept = Octets();
    direction_.kept_begin = 0;
    return true;
  }

  // The Close, if it is wanted and this is a place for it. One side that has closed by itself has said enough.
  void speak() {
    if (!direction_.stopping || direction_.close.empty()) return;
    if (direction_.frames.closed()) {
      direction_.close = {};
      return;
    }
    if (!direction_.begun && !direction_.frames.at_boundary()) return;
    const std::size_t n = sink_.write(direction_.close);
    direction_.close.remove_prefix(n);
    direction_.begun = direction_.begun || n > 0;
  }

  std::size_t write(std::string_view data) {
    speak();
    if (direction_.said()) return data.size();
    if (direction_.begun) return 0;
    if (tunnel_.speaks_ == Speaks::unknown) return count(sink_.write(data));
    const std::string_view wanted = direction_.stopping ? data.substr(0, direction_.frames.rest_of_frame(data)) : data;
    const std::size_t n = wanted.empty() ? 0 : count(sink_.write(wanted));
    direction_.frames.follow(data.substr(0, n));
    if (direction_.frames.closed()) tunnel_.ended_by(direction_.sender);
    speak();
    return direction_.said() ? data.size() : n;
  }
  void end(std::string_view trailers) { sink_.end(trailers); }
  [[nodiscard]] Sent flush() { return sink_.flush(); }
  [[nodiscard]] bool failed() const { return sink_.failed(); }
  [[nodiscard]] bool blocked() const { return sink_.blocked(); }

 private:
  std::size_t count(std::size_t n) {
    direction_.octets.add(n);
    return n;
  }

  Tunnel& tunnel_;
  Direction& direction_;
  Sink& sink_;
};

}  // namespace edge
