#include "edge/serve/redis/session_store.h"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::size_t kMostName = 512;  // octets of a server's
constexpr shared::seconds kTellAgain{60};

// One more, if there are fewer.
bool take_room(std::atomic<std::uint32_t>& used, std::uint32_t most) {
  if (used.fetch_add(1, kRelaxed) < most) return true;
  used.fetch_sub(1, kRelaxed);
  return false;
}

std::string seconds_of(shared::Duration span) {
  return std::to_string(std::chrono::ceil<shared::seconds>(span).count());
}

shared::Result<std::optional<StoredSession>> read_reply(const shared::Result<RedisValue>& reply, std::size_t keys) {
  if (!reply) return tl::unexpected(reply.error());
  return read_session(*reply, keys);
}

}  // namespace

shared::Result<std::optional<StoredSession>> read_session(const RedisValue& reply, std::size_t keys) {
  if (reply.is_error()) return shared::fail(reply.text);
  if (reply.kind != RedisValue::Kind::array || reply.items.size() != keys) return shared::fail("no answer to MGET");
  for (std::size_t i = 0; i < keys; ++i) {
    const RedisValue& item = reply.items[i];
    if (item.kind != RedisValue::Kind::text || item.text.empty() || item.text.size() > kMostName) continue;
    return std::optional(StoredSession{.key = i, .server = item.text});
  }
  return std::optional<StoredSession>();
}

bool SessionStore::look_up(const std::shared_ptr<SessionLookup>& lookup) {
  if (!take_room(lookups_, kMostLookups)) return false;
  shared::asio::post(loop_, [this, lookup] { ask(lookup); });
  return true;
}

void SessionStore::note(SessionFact fact) {
  if (!take_room(*facts_, kMostFacts)) {
    if (fact.kind == SessionFact::Kind::has) fact.sessions->live->dropped.fetch_add(1, kRelaxed);
    return;
  }
  shared::asio::post(loop_, [this, held = std::make_shared<const Held>(std::move(fact), facts_)] { take(held); });
}

void SessionStore::set(const Pools& pools, std::string prefix) {
  prefix_ = std::move(prefix);
  lives_.clear();
  for (const Pool& pool : pools.all()) {
    if (pool.sticky.learned != nullptr) lives_.push_back(pool.sticky.learned->live);
  }
  look_at_redis();
}

// What was asked on a connection that is gone may never have an answer.
void SessionStore::look_at_redis() {
  const bool up = !prefix_.empty() && redis_.up();
  const auto now = shared::Clock::now();
  for (const auto& live : lives_) live->tell_store(up ? SessionsLive::Store::up : SessionsLive::Store::away, now);
  if (up) return;
  for (const auto& [key, question] : std::exchange(questions_, {})) {
    for (const auto& lookup : question.lookups) finish(lookup, Heard::nothing, {});
  }
}

std::string SessionStore::key_of(const LearnedSessions& sessions, const SessionToken& id) const {
  return prefix_ + ":" + sessions.pool + ":" + to_text(id);
}

std::vector<std::string> SessionStore::question(const LearnedSessions& sessions,
                                                const std::vector<SessionToken>& ids) const {
  std::vector<std::string> command{"MGET"};
  for (const SessionToken& id : ids) command.push_back(key_of(sessions, id));
  return command;
}

void SessionStore::ask(const std::shared_ptr<SessionLookup>& lookup) {
  if (prefix_.empty() || !redis_.up()) return finish(lookup, Heard::nothing, {});
  const std::vector<std::string> command = question(*lookup->sessions, lookup->ids);
  const std::string key = command[1];
  const auto [at, fresh] = questions_.try_emplace(key);
  at->second.lookups.push_back(lookup);
  if (!fresh) return;
  at->second.asked = shared::Clock::now();
  redis_.ask(command, [this, key](const shared::Result<RedisValue>& reply) { answer(key, reply); });
}

void SessionStore::answer(const std::string& key, const shared::Result<RedisValue>& reply) {
  auto node = questions_.extract(key);
  if (node.empty()) return;
  const Question& question = node.mapped();
  const SessionLookup& first = *question.lookups.front();
  const auto found = read_reply(reply, first.ids.size());
  std::optional<std::uint64_t> tag;
  if (found && *found) tag = server_tag((*found)->server);
  if (found) first.sessions->live->table.hear(first.ids.front(), tag, question.asked);
  // A lost connection the client has told of.
  if (reply) note(reads_, *first.sessions, found ? std::string() : found.error().message);
  const Heard heard = found ? Heard::word : reply ? Heard::refusal : Heard::nothing;
  for (const auto& lookup : question.lookups) finish(lookup, heard, tag);
}

// Told once, until it goes again, and not more often than once a minute: where Redis refuses some keys and not others
// (a user's patterns, a cluster's slots) that would be every request. `problem` empty: there is none.
void SessionStore::note(Trouble& trouble, const LearnedSessions& sessions, const std::string& problem) {
  trouble.reason = problem;  // an error may name a key: each is another
  if (trouble.told == !problem.empty()) return;
  const auto now = shared::Clock::now();
  if (problem.empty()) {
    trouble.told = false;
    trouble.quiet_until = now + kTellAgain;
    log_event(Level::info, trouble.good, {{"pool", sessions.pool}});
  } else if (now >= trouble.quiet_until) {
    trouble.told = true;
    log_event(Level::warn, trouble.bad, {{"pool", sessions.pool}, {"reason", problem}});
  }
}

void SessionStore::finish(const std::shared_ptr<SessionLookup>& lookup, Heard heard, std::optional<std::uint64_t> tag) {
  lookups_.fetch_sub(1, kRelaxed);
  if (lookup->asker == nullptr) return;
  lookup->asker->post([lookup, heard, tag] {
    lookup->answered = heard == Heard::word;
    lookup->refused = heard == Heard::refusal;
    lookup->tag = tag;
    lookup->finished = true;
    if (lookup->waiter != nullptr) lookup->waiter->wake();
  });
}

void SessionStore::take(const HeldFact& held) {
  const SessionFact& fact = held->fact;
  if (prefix_.empty() || !redis_.up()) {
    if (fact.kind == SessionFact::Kind::has) fact.sessions->live->write_failures.fetch_add(1, kRelaxed);
  } else if (fact.kind == SessionFact::Kind::has) {
    write(held, fact.server, Write::always);
  } else {
    refresh(held);
  }
}

void SessionStore::write(const HeldFact& held, const std::string& server, Write when) {
  const LearnedSessions& sessions = *held->fact.sessions;
  std::vector<std::string> command{"SET", key_of(sessions, held->fact.ids.front()), server, "EX",
                                   seconds_of(sessions.ttl)};
  if (when == Write::if_absent) command.emplace_back("NX");
  redis_.ask(command,
             [this, held](const shared::Result<RedisValue>& reply) { take_written(*held->fact.sessions, reply); });
}

// Where it was only to be written if it was not there, somebody else may have been first: nil. What he wrote is heard
// of the next time.
void SessionStore::take_written(const LearnedSessions& sessions, const shared::Result<RedisValue>& reply) {
  if (reply && !reply->is_error()) {
    sessions.live->written.fetch_add(1, kRelaxed);
    return note(writes_, sessions, {});
  }
  sessions.live->write_failures.fetch_add(1, kRelaxed);
  if (reply) note(writes_, sessions, reply->text);
}

void SessionStore::refresh(const HeldFact& held) {
  const auto asked = shared::Clock::now();
  redis_.ask(question(*held->fact.sessions, held->fact.ids),
             [this, held, asked](const shared::Result<RedisValue>& reply) { take_refreshed(held, asked, reply); });
}

// Another edge may have moved it; Redis may have lost it, or have it under an older key.
void SessionStore::take_refreshed(const HeldFact& held, shared::TimePoint asked,
                                  const shared::Result<RedisValue>& reply) {
  const SessionFact& fact = held->fact;
  const LearnedSessions& sessions = *fact.sessions;
  const auto found = read_reply(reply, fact.ids.size());
  if (reply) note(reads_, sessions, found ? std::string() : found.error().message);
  if (!found) return;
  if (!*found) return write(held, fact.server, Write::if_absent);
  const StoredSession& stored = **found;
  if (stored.server != fact.server) {
    sessions.live->table.hear(fact.ids.front(), server_tag(stored.server), asked);
  }
  if (stored.key != 0) return write(held, stored.server, Write::if_absent);
  redis_.ask({"EXPIRE", key_of(sessions, fact.ids.front()), seconds_of(sessions.ttl)},
             [held](const shared::Result<RedisValue>&) {});
}

}  // namespace edge
