#pragma once
// Tunnel: what is special about an exchange after its 101: both sides speak a protocol of their own. Counts it, knows
// how it came to its end, and brings a WebSocket to its end where somebody wants that, between two frames:
//
//   leave() --> Close 1001 to the client --its Close passes to the server--> the server ends it
//                     \--no word for kPatience--> Close 1001 to the server --kPatience--> cut
//
// Octets go through passages, sinks before the sinks of both directions. Any other protocol is passed on unseen and can
// only be cut. Owned by a Relay, made with the 101; its worker's thread.

#include <array>
#include <cstdint>
#include <string_view>

#include "edge/core/message/websocket_frames.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/message_writer.h"
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

  // Who has ended it; the first word counts.
  void ended_by(TunnelEnd why);
  [[nodiscard]] std::string_view end_name() const;

 private:
  struct Direction {
    WebSocketFrames frames;
    TunnelEnd sender;  // who ends the tunnel with a Close in it
    shared::Counter& octets;
    std::string_view close;  // what is left to be said of it
    bool stopping = false;   // at the end of the frame that is under way
    bool begun = false;      // a part of the Close is out
    [[nodiscard]] bool said() const { return stopping && close.empty(); }
  };

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
