#pragma once
// Discovery: follows the names and services that stand for servers (`dns` and `srv` in a pool's list), so that a pool
// has the servers that the DNS names now. Asks by TTL, never blocks, and never takes servers away because a lookup
// failed: what was found last holds until there is a better answer.
//
//   dns  the addresses of the name, A and AAAA. Each family is asked for itself: when one fails, what it said last
//        still counts, so half an answer never looks like half the servers.
//   srv  the records, each with the addresses of its target. A changed set is taken when every target has been
//        answered or has failed: the new servers can be reached at once. A record whose target has no address is left
//        out; if none has, the set before stays.
//
// A failure (time-out, SERVFAIL, no such name, an empty answer) is logged when a row of them begins and when it ends.
// Owned by Control, on its loop's thread; found() goes into PoolInputs. `on_change` says that it has changed, once for
// all that changes within a short quiet time; an answer costs what hangs on its name, however many others there are.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/pool.h"
#include "edge/load/build_pools.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/serve/loop/debounce.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class Discovery {
 public:
  static constexpr std::size_t kMostServers = 1000;  // of one source: what is over is left out

  // How a source is doing; for /status and metrics.
  struct Standing {
    bool answered = false;       // has servers, by an answer or by what the predecessor knew
    std::string reason;          // why its last lookup brought nothing; empty: all is well
    std::size_t servers = 0;     // found
    std::uint64_t failures = 0;  // lookups that failed, since it is followed
  };

  Discovery(shared::Loop& loop, shared::NameFollower& follower, std::function<void()> on_change,
            shared::Debounce::Times together = {});
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // The sources of the present world. Those that stay go on.
  void set(const std::set<ServerSource>& sources);
  [[nodiscard]] const FoundServers& found() const { return found_; }
  [[nodiscard]] Standing standing(const ServerSource& source) const;

  // For the process that takes over: lines that recall() reads, so that it need not begin without servers.
  [[nodiscard]] std::string remember() const;
  void recall(std::string_view lines);

 private:
  // What one family, or the SRV records, of a name last said.
  template <class Content>
  struct Known {
    shared::NameFollower::Follow follow;
    Content content;  // of the last good answer
    bool heard = false;
    std::string failure;  // of the row that goes on
  };
  using Half = Known<std::vector<shared::IpAddress>>;
  struct Name {
    std::array<Half, 2> halves;    // A, AAAA
    std::set<ServerSource> users;  // that need it

    [[nodiscard]] bool heard() const { return halves[0].heard && halves[1].heard; }
    [[nodiscard]] std::vector<shared::IpAddress> addresses() const;
    [[nodiscard]] std::string failure() const;  // why there are no addresses, or none of a family that once had
  };
  struct Followed {
    Known<std::vector<shared::SrvRecord>> records;  // of srv
    std::set<std::string> hosts;                    // that it needs, in names_
    bool failing = false;                           // and it has been logged
  };

  void follow_source(const ServerSource& source, Followed& followed);
  void follow_name(const std::string& host, Name& name);
  void need(const ServerSource& source, Followed& followed, std::set<std::string> hosts);
  void update(const ServerSource& source, Followed& followed);
  bool adopt(const ServerSource& source, const Followed& followed);
  void judge(const ServerSource& source, Followed& followed);
  [[nodiscard]] std::vector<FoundServer> servers_now(const ServerSource& source, const Followed& followed) const;
  [[nodiscard]] std::string failure_of(const ServerSource& source, const Followed& followed) const;

  shared::NameFollower& follower_;
  shared::Debounce together_;
  FoundServers found_;
  std::map<std::string, Name> names_;
  std::map<ServerSource, Followed> followed_;
};

}  // namespace edge
