#pragma once
// What a request does about a session that servers make: asks the region's store for one that this edge does not know,
// and waits a moment; and hears in a server's answer that there is a new one, or that it has moved. Its worker's
// thread.

#include <memory>

#include "edge/serve/io/buffers.h"
#include "edge/serve/redis/session_lookup.h"
#include "shared/core/time.h"

namespace edge {

struct Request;
struct Server;

// REQUIRES of these: the cache has not answered.
// True: it waits for word of its session, until that comes or session_deadline().
[[nodiscard]] bool asks_for_session(Request& request);
[[nodiscard]] shared::TimePoint session_deadline(const Request& request);
[[nodiscard]] bool waits_for_session(Request& request);

// Of one attempt, in whose frame it is.
class SessionWatcher final : public AnswerWatcher {
 public:
  // `stays`: the request's own session does not move, whoever answers.
  SessionWatcher(Request& request, const Server& server, bool stays)
      : request_(request), server_(server), stays_(stays) {}
  void hear(const http::ResponseHead& head) override;

 private:
  void learn(std::string_view value);
  void move();
  void write(std::string_view value);

  Request& request_;
  const Server& server_;
  bool stays_;
};

}  // namespace edge
