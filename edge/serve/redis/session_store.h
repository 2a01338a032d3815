#pragma once
// SessionStore: which server has which session, in the region's Redis, for pools with sticky: {store: redis}. Workers
// leave questions and facts from any thread; all else happens on the control loop, where requests never wait for one
// another: many that ask about one session share one question, and each has a deadline of its own at its worker.
//
//   PREFIX:session:REGION:POOL:ID -> "10.0.1.10:8080", with a time to live; ID is a keyed hash of the session's value
//
// The last write wins: an edge that has moved a session writes where to, and the others hear of it when they ask again.
// Owned by Control; outlives the workers' requests.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/pool.h"
#include "edge/serve/redis/redis_client.h"
#include "edge/serve/redis/session_lookup.h"
#include "shared/serve/loop/loop.h"

namespace edge {

// What Control asks of Redis: RedisClient, and in tests something that answers.
struct SessionRedis {
  std::function<bool()> up;
  std::function<void(const std::vector<std::string>& command, RedisReply reply)> ask;
};

class SessionStore {
 public:
  static constexpr std::uint32_t kMostLookups = 2048;  // questions of requests, and facts, that are under way
  static constexpr std::uint32_t kMostFacts = 1024;

  SessionStore(shared::Loop& loop, SessionRedis redis) : loop_(loop), redis_(std::move(redis)) {}
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;

  // Any thread. False: too many are under way, and nothing comes of it.
  [[nodiscard]] bool look_up(const std::shared_ptr<SessionLookup>& lookup);
  void note(SessionFact fact);

  // The present pools. `prefix` is of all keys: "meridian:session:eu"; empty: there is no Redis.
  void set(const Pools& pools, std::string prefix);
  // Redis has come or gone.
  void look_at_redis();

  // Why the last write was refused; empty: it was not.
  [[nodiscard]] const std::string& reason() const { return writes_.reason; }
  // Likewise why they cannot be asked for.
  [[nodiscard]] const std::string& read_reason() const { return reads_.reason; }

 private:
  struct Question {
    shared::TimePoint asked;
    std::vector<std::shared_ptr<SessionLookup>> lookups;
  };

  // A fact under way; its room is free when nothing of it is left, also where a lost connection takes its reply along.
  struct Held {
    Held(SessionFact fact_in, std::shared_ptr<std::atomic<std::uint32_t>> room_in)
        : fact(std::move(fact_in)), room(std::move(room_in)) {}
    ~Held() { room->fetch_sub(1, std::memory_order_relaxed); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    SessionFact fact;
    std::shared_ptr<std::atomic<std::uint32_t>> room;
  };
  using HeldFact = std::shared_ptr<const Held>;

  [[nodiscard]] std::string key_of(const LearnedSessions& sessions, const SessionToken& id) const;
  [[nodiscard]] std::vector<std::string> question(const LearnedSessions& sessions,
                                                  const std::vector<SessionToken>& ids) const;
  void ask(const std::shared_ptr<SessionLookup>& lookup);
  void answer(const std::string& key, const shared::Result<RedisValue>& reply);
  // What is wrong with questions of one kind, and whether the log has been told.
  struct Trouble {
    std::string_view bad;   // events
    std::string_view good;  // that it has gone
    std::string reason = {};
    bool told = false;
    shared::TimePoint quiet_until = {};
  };
  static void note(Trouble& trouble, const LearnedSessions& sessions, const std::string& problem);
  enum class Heard : std::uint8_t { nothing, refusal, word };
  void finish(const std::shared_ptr<SessionLookup>& lookup, Heard heard, std::optional<std::uint64_t> tag);
  enum class Write : std::uint8_t { always, if_absent };
  void take(const HeldFact& held);
  void write(const HeldFact& held, const std::string& server, Write when);
  void take_written(const LearnedSessions& sessions, const shared::Result<RedisValue>& reply);
  void refresh(const HeldFact& held);
  void take_refreshed(const HeldFact& held, shared::TimePoint asked, const shared::Result<RedisValue>& reply);

  shared::Loop& loop_;
  SessionRedis redis_;
  std::string prefix_;
  std::vector<std::shared_ptr<SessionsLive>> lives_;  // of the present pools
  std::map<std::string, Question, std::less<>> questions_;
  std::atomic<std::uint32_t> lookups_{0};
  std::shared_ptr<std::atomic<std::uint32_t>> facts_ = std::make_shared<std::atomic<std::uint32_t>>(0);
  Trouble writes_{.bad = "sessions_not_kept", .good = "sessions_kept"};
  Trouble reads_{.bad = "sessions_not_asked", .good = "sessions_asked"};
};

// The server that Redis has under the first key that it knows: an answer to MGET. An error: no answer.
struct StoredSession {
  std::size_t key = 0;
  std::string server;
};
[[nodiscard]] shared::Result<std::optional<StoredSession>> read_session(const RedisValue& reply, std::size_t keys);

}  // namespace edge
