#include "edge/serve/request/session_asking.h"

#include <utility>

#include "edge/serve/redis/session_store.h"
#include "edge/serve/request/request.h"

namespace edge {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

const std::shared_ptr<const LearnedSessions>& sessions_of(const Request& r) { return r.pool().sticky.learned; }

std::vector<SessionToken> ids_of(const LearnedSessions& sessions, std::string_view value) {
  std::vector<SessionToken> ids;
  for (std::size_t key = 0; key < sessions.keys.size(); ++key) ids.push_back(sessions.id_of(value, key));
  return ids;
}

// The last word about it.
void end(Request& r, SessionEnd how) {
  r.decision.at_pool.learned.end = how;
  sessions_of(r)->live->requests[static_cast<std::size_t>(how)].fetch_add(1, kRelaxed);
}

// Behind the request's back: whether another edge has moved it; and that it is used.
void refresh(Request& r) {
  const LearnedSessions& sessions = *sessions_of(r);
  const AskedSession& asked = r.decision.at_pool.learned;
  sessions.live->table.touch(asked.id, r.now());
  const auto& index = r.decision.at_pool.session;
  if (r.context.sessions == nullptr || !index || sessions.live->store() != SessionsLive::Store::up) return;
  r.context.sessions->note({.kind = SessionFact::Kind::used,
                            .sessions = sessions_of(r),
                            .ids = ids_of(sessions, sessions.value_of(r.asked.head->fields)),
                            .server = r.pool().servers[*index].name});
}

// None: it is under way.
std::optional<SessionEnd> begin_to_ask(Request& r) {
  const LearnedSessions& sessions = *sessions_of(r);
  if (r.context.sessions == nullptr) return SessionEnd::away;
  if (!sessions.live->may_ask(r.found().client.address, r.now())) return SessionEnd::unasked;
  auto lookup = std::make_shared<SessionLookup>();
  lookup->sessions = sessions_of(r);
  lookup->ids = ids_of(sessions, sessions.value_of(r.asked.head->fields));
  lookup->asker = &r.context.loop;
  if (!r.context.sessions->look_up(lookup)) return SessionEnd::unasked;
  if (sessions.wait.count() == 0) return SessionEnd::late;
  lookup->waiter = &r.exchange.waiter;
  r.session_lookup = std::move(lookup);
  r.session_asked = r.now();
  return std::nullopt;
}

}  // namespace

bool asks_for_session(Request& r) {
  if (r.failed || r.done || r.decision.kind != Decision::Kind::pool) return false;
  if (r.decision.at_pool.overload == Overload::shed) return false;  // it is refused in any case
  AskedSession& asked = r.decision.at_pool.learned;
  if (asked.end == SessionEnd::none) return false;
  if (asked.end == SessionEnd::asked) {
    const auto ended = begin_to_ask(r);
    if (ended) end(r, *ended);
    return !ended;
  }
  if (asked.due) refresh(r);
  end(r, asked.end);
  return false;
}

shared::TimePoint session_deadline(const Request& r) { return r.session_asked + sessions_of(r)->wait; }

bool waits_for_session(Request& r) {
  SessionLookup& lookup = *r.session_lookup;
  if (!lookup.finished && r.now() < session_deadline(r)) return true;
  lookup.waiter = nullptr;
  AskedSession& asked = r.decision.at_pool.learned;
  if (!lookup.finished) {
    end(r, SessionEnd::late);
  } else if (!lookup.answered) {
    end(r, lookup.refused ? SessionEnd::failed : SessionEnd::away);
  } else if (!lookup.tag) {
    end(r, SessionEnd::absent);
  } else {
    asked.tag = *lookup.tag;
    r.decision.at_pool.session = lookup.sessions->server_of(asked.tag);
    end(r, SessionEnd::found);
  }
  r.session_lookup = nullptr;
  return false;
}

void SessionWatcher::hear(const http::ResponseHead& head) {
  const LearnedSessions& sessions = *sessions_of(request_);
  const std::string_view given = sessions.given_by(head.fields);
  if (!given.empty()) return learn(given);
  const AskedSession& asked = request_.decision.at_pool.learned;
  const bool has_one = asked.end == SessionEnd::known || asked.end == SessionEnd::found;
  if (has_one && !stays_ && asked.tag != server_tag(server_.name)) move();
}

// Some servers name it in every answer.
void SessionWatcher::learn(std::string_view value) {
  const LearnedSessions& sessions = *sessions_of(request_);
  const SessionTable::Found found = sessions.live->table.find(sessions.id_of(value), request_.now());
  const bool same = found.kind == SessionTable::Kind::known && found.server == server_tag(server_.name);
  if (same && found.age < sessions.refresh) return;
  sessions.live->learned.fetch_add(1, kRelaxed);
  request_.session_news = "learned";
  write(value);
}

void SessionWatcher::move() {
  const LearnedSessions& sessions = *sessions_of(request_);
  sessions.live->moved.fetch_add(1, kRelaxed);
  request_.session_news = "moved";
  write(sessions.value_of(request_.asked.head->fields));
}

void SessionWatcher::write(std::string_view value) {
  const LearnedSessions& sessions = *sessions_of(request_);
  std::vector<SessionToken> ids = ids_of(sessions, value);
  sessions.live->table.know(ids.front(), server_tag(server_.name), request_.now());
  if (request_.context.sessions == nullptr) return;
  request_.context.sessions->note({.kind = SessionFact::Kind::has,
                                   .sessions = sessions_of(request_),
                                   .ids = std::move(ids),
                                   .server = server_.name});
}

}  // namespace edge
