#pragma once
// RegionLimits: keeps the limits that the edges of a region share in step with Redis: one question for each limit and
// interval, at most one at a time. Without answers an edge goes on with its last shares for as long as they are leased,
// then with an equal share; both ends of that are logged once. Owned by Control, on its loop.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "edge/core/protect/rate_limit.h"
#include "edge/core/protect/region_leases.h"
#include "edge/serve/redis/redis_client.h"
#include "shared/serve/loop/loop.h"

namespace edge {

class RegionLimits {
 public:
  // Of one limit; for /status and metrics.
  struct Standing {
    const RegionLeases& leases;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    const std::string& reason;  // why the last question had no answer; empty: it had one
  };

  // Whose limits these are: the same limit of another region is another one.
  struct Identity {
    std::string region;
    std::string edge;  // its address
  };

  RegionLimits(shared::Loop& loop, RedisClient& redis);
  RegionLimits(const RegionLimits&) = delete;
  RegionLimits& operator=(const RegionLimits&) = delete;

  // The limits of the present world; what is leased for those that stay, stays.
  void set(const RateLimits& limits, const Identity& identity);
  [[nodiscard]] bool empty() const { return shared_.empty(); }
  // REQUIRES: the limit has the region's scope and is of the present world.
  [[nodiscard]] Standing standing(std::string_view name) const;

 private:
  struct Shared {
    explicit Shared(std::shared_ptr<const RateLimit> limit) : leases(std::move(limit)) {}
    RegionLeases leases;
    LeaseAsk asked;
    bool waiting = false;  // for an answer
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::string reason;
    std::string told;  // the reason that the log has
  };

  void wait();
  void tick();
  void load_script();
  void ask(const std::string& name, const std::shared_ptr<Shared>& one, shared::TimePoint now);
  void take(const std::string& name, Shared& one, const shared::Result<RedisValue>& reply);
  void take_failure(const std::string& name, Shared& one, const std::string& why);
  void end_lease(const std::string& name, Shared& one, shared::TimePoint now);

  RedisClient& redis_;
  shared::Timer timer_;
  Identity identity_;
  std::string script_;  // what Redis calls it; empty: not yet
  bool loading_ = false;
  bool running_ = false;
  std::map<std::string, std::shared_ptr<Shared>, std::less<>> shared_;
};

}  // namespace edge
