#include "edge/core/pool/learned_sessions.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "shared/core/ascii.h"
#include "shared/core/client_network.h"
#include "shared/core/hash.h"
#include "shared/http/cookie.h"

namespace edge {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr unsigned kAskerLines = 9;  // 4,096 clients
constexpr std::uint64_t kTicksASecond = 1'000'000;
constexpr shared::Duration kSlack = shared::milliseconds(63);  // an age of the table's is as exact

std::uint64_t micros(shared::TimePoint now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "Max-Age=0", or less than that: the cookie is over.
bool ends_cookie(std::string_view attribute) {
  const std::size_t equals = attribute.find('=');
  if (equals == std::string_view::npos) return false;
  if (!shared::equals_ignoring_case(trimmed(attribute.substr(0, equals)), "max-age")) return false;
  const std::string_view value = trimmed(attribute.substr(equals + 1));
  return value.starts_with('-') || (!value.empty() && value.find_first_not_of('0') == std::string_view::npos);
}

std::string_view bounded(std::string_view value) {
  return value.size() > LearnedSessions::kMostValue ? std::string_view() : value;
}

std::string in_seconds(shared::Duration span) {
  return std::to_string(std::chrono::duration_cast<shared::seconds>(span).count()) + "s";
}

}  // namespace

std::string_view name_of(SessionEnd end) {
  constexpr std::string_view kNames[] = {"none",    "known", "found",  "absent", "late",
                                         "unasked", "away",  "failed", "asked"};
  return kNames[static_cast<std::size_t>(end)];
}

SessionsLive::SessionsLive(std::size_t sessions, SessionTable::Lifetimes lifetimes, std::uint64_t seed)
    : table(sessions, lifetimes), seed_(seed), askers_(kAskerLines), all_(1) {}

bool SessionsLive::may_ask(const shared::IpAddress& client, shared::TimePoint now) {
  constexpr std::uint64_t kOne = kTicksASecond / kClientAsks;
  constexpr std::uint64_t kOneOfAll = kTicksASecond / kAllAsk;
  constexpr std::uint64_t kBurst = 10;  // seconds
  const std::uint64_t ticks = micros(now);
  const std::uint64_t asker = shared::hash_bytes(seed_, shared::client_network(client).bytes);
  if (!askers_.take(asker, ticks, {.interval = kOne, .capacity = kBurst * kTicksASecond}).admitted) return false;
  return all_.take(seed_, ticks, {.interval = kOneOfAll, .capacity = kTicksASecond}).admitted;
}

void SessionsLive::tell_store(Store is, shared::TimePoint now) {
  if (is == Store::up && store() != Store::up) up_since_.store(now.time_since_epoch().count(), kRelaxed);
  store_.store(is, kRelaxed);
}

shared::TimePoint SessionsLive::up_since() const {
  return shared::TimePoint(shared::Duration(up_since_.load(kRelaxed)));
}

std::string_view cookie_given_by(std::string_view set_cookie, std::string_view name) {
  const std::size_t end = std::min(set_cookie.find(';'), set_cookie.size());
  const std::string_view pair = set_cookie.substr(0, end);
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) return {};
  std::string_view rest = set_cookie.substr(end);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t next = std::min(rest.find(';'), rest.size());
    if (ends_cookie(rest.substr(0, next))) return {};
    rest = rest.substr(next);
  }
  return trimmed(pair.substr(equals + 1));
}

std::string_view LearnedSessions::value_of(const http::FieldList& fields) const {
  if (by == By::cookie) return bounded(http::find_cookie(fields, name));
  const http::Field* const found = fields.find(name);
  return found != nullptr ? bounded(found->value) : std::string_view();
}

// As a browser would: the last one holds.
std::string_view LearnedSessions::given_by(const http::FieldList& fields) const {
  if (by == By::header) return value_of(fields);
  std::string_view given;
  for (const http::Field& one : fields) {
    if (one.id != http::FieldId::set_cookie) continue;
    if (const std::string_view value = cookie_given_by(one.value, name); !value.empty()) given = value;
  }
  return bounded(given);
}

SessionToken LearnedSessions::id_of(std::string_view value, std::size_t key) const {
  std::array<std::uint8_t, 1 + kMostValue> message;  // NOLINT(cppcoreguidelines-pro-type-member-init): what is used is
  const std::size_t size = std::min(value.size(), kMostValue);
  std::memcpy(message.data() + 1, value.data(), size);
  const std::span<const std::uint8_t> whole = std::span(message).first(1 + size);
  SessionToken id;
  message[0] = 0;
  id.high = shared::siphash_2_4(keys[key], whole);
  message[0] = 1;
  id.low = shared::siphash_2_4(keys[key], whole);
  return id;
}

std::optional<std::uint16_t> LearnedSessions::server_of(std::uint64_t tag) const {
  const auto found = std::lower_bound(known.begin(), known.end(), tag,
                                      [](const Known& one, std::uint64_t at) { return one.tag < at; });
  if (found == known.end() || found->tag != tag) return std::nullopt;
  return found->server;
}

std::uint64_t LearnedSessions::hash_of(std::string_view value) const { return shared::hash_text(seed, value); }

std::uint64_t server_tag(std::string_view name) {
  return shared::hash_text(0, name) >> (64 - SessionTable::kServerBits);
}

// No server is called so.
shared::SipKey session_key(const shared::SipKey& key, std::string_view pool) {
  const SessionToken made = session_token(key, pool, " learned sessions");
  shared::SipKey out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(made.high >> (8 * i));
    out[8 + i] = static_cast<std::uint8_t>(made.low >> (8 * i));
  }
  return out;
}

AskedSession look_up(const LearnedSessions& sessions, std::string_view value, shared::TimePoint now) {
  AskedSession asked;
  if (value.empty()) return asked;
  asked.id = sessions.id_of(value);
  const SessionsLive& live = *sessions.live;
  const SessionTable::Found found = live.table.find(asked.id, now);
  const bool up = live.store() == SessionsLive::Store::up;
  switch (found.kind) {
    case SessionTable::Kind::known:
      asked.end = SessionEnd::known;
      asked.tag = found.server;
      asked.age = found.age;
      asked.due = found.age >= sessions.refresh || (up && now - found.age + kSlack < live.up_since());
      break;
    case SessionTable::Kind::absent:
      asked.end = SessionEnd::absent;
      break;
    case SessionTable::Kind::unknown:
      asked.end = up ? SessionEnd::asked : SessionEnd::away;
      break;
  }
  return asked;
}

std::string words_of(const LearnedSessions& sessions, const AskedSession& asked, std::string_view server_name) {
  const std::string name = sessions.name + ": ";
  const std::string by_hash = ": it goes by its hash, as on every edge";
  switch (asked.end) {
    case SessionEnd::none:
      return name + "none";
    case SessionEnd::known:
      if (server_name.empty()) return name + "its server is gone" + by_hash + ", and stays where it comes to";
      return name + "at " + std::string(server_name) + ", as this edge has known for " + in_seconds(asked.age);
    case SessionEnd::asked:
      return name + "not known here: Redis is asked, which it waits for at most " +
             std::to_string(sessions.wait.count()) + "ms, then it goes by its hash";
    case SessionEnd::absent:
      return name + "Redis does not know it" + by_hash;
    default:
      break;
  }
  if (sessions.live->store() == SessionsLive::Store::none) {
    return name + "what is known of it only a running edge can say (--server); without that it goes by its hash";
  }
  return name + "not known here, and Redis cannot be asked" + by_hash;
}

}  // namespace edge
