#pragma once
// SendRest: the end of an exchange: a page of the edge's own, a file, or what is queued of a server's answer, goes out
// as fast as the client takes it. Meanwhile the client is read: one that writes everything first would never get to
// read (RFC 9112 9.6), and one that has left is not waited for. Plain calls, as Relay's. Lives in serve_one's frame;
// its worker's thread.

#include <string_view>

#include "edge/serve/io/pump.h"
#include "edge/serve/request/request.h"

namespace edge {

class SendRest {
 public:
  explicit SendRest(Request& request) : r_(request), progress_(request.now()) {}

  // True while there is something to wait for.
  [[nodiscard]] bool advance();
  [[nodiscard]] shared::TimePoint deadline() const;

 private:
  [[nodiscard]] Sent send();
  [[nodiscard]] Pumped move();
  void discard_body();
  bool give_up(std::string_view detail);

  Request& r_;
  shared::TimePoint progress_;  // when the client last took something
};

}  // namespace edge
