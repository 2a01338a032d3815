#pragma once
// SessionLookup, SessionFact: what requests and the store of sessions in Redis (session_store.h) tell each other. Apart
// from the store itself, so that a request knows nothing of the control loop's sockets. Threads: see the members.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/pool/learned_sessions.h"
#include "edge/serve/io/socket.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge {

// A session that is not known here: shared by the request that asks and by the store. Behind `asker` all of it belongs
// to the worker.
struct SessionLookup {
  std::shared_ptr<const LearnedSessions> sessions;
  std::vector<SessionToken> ids;        // under each key, the first's is that of the table
  shared::WorkerLoop* asker = nullptr;  // whose thread hears of it; null: nobody's
  Waiter* waiter = nullptr;             // null: nobody waits any more
  bool finished = false;
  bool answered = false;                  // by Redis
  bool refused = false;                   // by an error of Redis
  std::optional<std::uint64_t> tag = {};  // of its server; nothing: nobody has it
};

// What a worker has learned of a session.
struct SessionFact {
  enum class Kind : std::uint8_t {
    has,  // its server has it: written
    used  // it is used, and known to be there: asked for once more, written if nobody has it
  };
  Kind kind = Kind::has;
  std::shared_ptr<const LearnedSessions> sessions;
  std::vector<SessionToken> ids;  // likewise
  std::string server;
};

}  // namespace edge
