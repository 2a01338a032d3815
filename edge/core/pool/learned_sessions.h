#pragma once
// LearnedSessions: sessions that servers themselves make and name, in a cookie or a field of their answers, and that
// stay with the server that has made them. What is known of them is in a table of this process and, for the other edges
// of the region, in a store (Redis), both under a keyed hash: who reads the store has no session, and who makes up a
// session puts nothing there. A session whose server is not known, or cannot take it, goes by the hash of its value,
// which is the same on every edge.
//
// Immutable, part of a Pool; SessionsLive outlives snapshots, and is for any thread.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/selector.h"
#include "edge/core/pool/session_table.h"
#include "edge/core/pool/sticky.h"
#include "shared/core/ip.h"
#include "shared/core/rate_cells.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace edge {

// What became of a request that has brought a session.
enum class SessionEnd : std::uint8_t {
  none,     // it has brought none
  known,    // this edge knew its server
  found,    // the store did
  absent,   // nobody does
  late,     // the store has not answered in time
  unasked,  // too many are asked about already, or by this client
  away,     // there is no store now
  failed,   // the store has answered with an error
  asked,    // it is asked about; never the last word
};
inline constexpr std::size_t kSessionEnds = 8;  // that are counted
[[nodiscard]] std::string_view name_of(SessionEnd end);

// What a pool's sessions have come to, by its name.
class SessionsLive {
 public:
  enum class Store : std::uint8_t {
    none,  // nobody keeps one here, as where a file is only explained
    away,
    up,
  };
  // A client may ask about so many that this edge does not know, and all together. Who makes up sessions costs others
  // nothing but that.
  static constexpr std::uint32_t kClientAsks = 100;  // a second, ten seconds' at once
  static constexpr std::uint32_t kAllAsk = 20'000;   // a second, one second's at once

  SessionsLive(std::size_t sessions, SessionTable::Lifetimes lifetimes, std::uint64_t seed);

  // Counts it.
  [[nodiscard]] bool may_ask(const shared::IpAddress& client, shared::TimePoint now);
  // The control loop's.
  void tell_store(Store is, shared::TimePoint now);
  [[nodiscard]] Store store() const { return store_.load(std::memory_order_relaxed); }
  // Since when the store has been up: it may have lost everything before.
  [[nodiscard]] shared::TimePoint up_since() const;

  SessionTable table;
  std::array<std::atomic<std::uint64_t>, kSessionEnds> requests{};
  std::atomic<std::uint64_t> learned{0};  // by an answer of a server
  std::atomic<std::uint64_t> moved{0};    // their server could not take them
  std::atomic<std::uint64_t> written{0};  // to the store
  std::atomic<std::uint64_t> write_failures{0};
  std::atomic<std::uint64_t> dropped{0};  // writes that were not even tried: too many at a time

 private:
  std::uint64_t seed_;
  shared::RateCells askers_;
  shared::RateCells all_;
  std::atomic<Store> store_{Store::none};
  std::atomic<std::int64_t> up_since_{0};
};

struct LearnedSessions {
  enum class By : std::uint8_t { cookie, header };
  struct Known {
    std::uint64_t tag = 0;
    std::uint16_t server = 0;  // index in Pool::servers
  };
  static constexpr std::size_t kMostValue = 512;                      // octets; what is longer is no session
  static constexpr shared::Duration kAbsentFor = shared::seconds(2);  // that nobody has it is believed for so long

  By by = By::cookie;
  std::string name;  // of the cookie or field; that means nothing else to the edge
  std::string pool;
  std::vector<shared::SipKey> keys;  // of this pool's ids: the first makes them, all are asked for
  shared::Duration ttl{};
  shared::Duration refresh{};  // after it what is known is asked for once more, behind the request's back
  shared::milliseconds wait{0};
  std::vector<Known> known;     // sorted by tag
  std::vector<Selector> order;  // HashSlots by priority, of who has no server here
  std::uint64_t seed = 0;       // of their keys
  std::shared_ptr<SessionsLive> live;

  // Of a request; empty: it has none.
  [[nodiscard]] std::string_view value_of(const http::FieldList& fields) const;
  // That a server's answer makes; empty: it makes none.
  [[nodiscard]] std::string_view given_by(const http::FieldList& fields) const;
  [[nodiscard]] SessionToken id_of(std::string_view value, std::size_t key = 0) const;
  // Nothing when the pool has no such server.
  [[nodiscard]] std::optional<std::uint16_t> server_of(std::uint64_t tag) const;
  [[nodiscard]] std::uint64_t hash_of(std::string_view value) const;
};

// What servers are called in the table: 34 bits of their name. That two of a thousand have one is a matter of one
// configuration in 30,000.
[[nodiscard]] std::uint64_t server_tag(std::string_view name);
// The key of one pool's ids, made of one that all pools may use for other things, too.
[[nodiscard]] shared::SipKey session_key(const shared::SipKey& key, std::string_view pool);

// The value that a Set-Cookie field gives to the cookie (RFC 6265 5.2); empty: to another one, or it ends it.
[[nodiscard]] std::string_view cookie_given_by(std::string_view set_cookie, std::string_view name);

// A request's session at a pool of these, as far as it is known.
struct AskedSession {
  SessionEnd end = SessionEnd::none;
  SessionToken id;
  std::uint64_t tag = 0;   // of known and found: the server's, which may be gone
  shared::Duration age{};  // of known
  bool due = false;        // known, and to be asked for once more
};
[[nodiscard]] AskedSession look_up(const LearnedSessions& sessions, std::string_view value, shared::TimePoint now);
// "JSESSIONID: this edge has it at 10.0.0.1:80, as of 3s ago", for explain.
[[nodiscard]] std::string words_of(const LearnedSessions& sessions, const AskedSession& asked,
                                   std::string_view server_name);

}  // namespace edge
