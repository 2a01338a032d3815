#pragma once
// ClientLines: a worker's connections of clients in the order in which they may have to go: those whose head has not
// come yet, those that wait between two requests, and those that DNS nodes ask for the region's health on, which stay.
// One that serves a request stands in no line. Owned by a Worker; its thread only.
//
//   accept -> head -> (busy) -> idle -> head or (busy) ...
//                            -> checker, if it asked the health page: the last kCheckers, two of one client

#include <cstddef>
#include <cstdint>

#include "shared/core/ip.h"
#include "shared/core/time.h"

namespace edge {

class ClientConnection;

enum class ClientState : std::uint8_t { busy, head, idle, checker };

// Where a connection stands; a part of it.
struct LinePlace {
  ClientConnection* connection = nullptr;
  shared::IpAddress client;               // as client_network() has it
  ClientState state = ClientState::busy;  // here: an idle connection is a step smaller
  shared::TimePoint since;                // when its head began, or its idleness
  LinePlace* before = nullptr;
  LinePlace* after = nullptr;
};

// Who stands longest is in front.
class Line {
 public:
  void push_back(LinePlace& place);
  void remove(LinePlace& place);
  [[nodiscard]] LinePlace* front() const { return front_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  LinePlace* front_ = nullptr;
  LinePlace* back_ = nullptr;
  std::size_t size_ = 0;
};

class ClientLines {
 public:
  static constexpr std::size_t kCheckers = 16;
  static constexpr std::size_t kCheckersOfOne = 2;

  void stand(LinePlace& place, ClientState state, shared::TimePoint now);
  [[nodiscard]] const Line& heads() const { return heads_; }
  // The longest in its line, of `client` if that is not null; null: none, or none among those that were looked at.
  [[nodiscard]] LinePlace* longest(ClientState state, const shared::IpAddress* client) const;

 private:
  static constexpr std::size_t kLooks = 1024;

  Line* line_of(ClientState state);
  void bound_checkers(const shared::IpAddress& client);
  void move(LinePlace& place, ClientState state);

  Line heads_;
  Line idle_;
  Line checkers_;
};

}  // namespace edge
