#pragma once
// Resolver: names to addresses, and services to SRV records, through c-ares, driven by the control loop: it never
// blocks it. /etc/hosts counts for addresses, IP literals come back at once. resolve() asks once; watch() and
// watch_srv() ask again by TTL and keep the last good answer through failures. Control loop's thread only; handles must
// go before the Resolver.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/srv_answer.h"

namespace shared {

enum class ResolveFamily : std::uint8_t { ipv4, ipv6, any };

struct Resolved {
  std::vector<IpAddress> addresses;  // sorted, each once; empty only with empty_is_answer
  seconds ttl{0};                    // as the DNS said it: the least of the records

  bool operator==(const Resolved&) const = default;
};

struct ResolverSettings {
  std::vector<Endpoint> servers;  // empty: those of /etc/resolv.conf
  std::optional<int> ndots;       // empty: as in /etc/resolv.conf
  bool empty_is_answer = false;   // a name that exists without an address of the family is no failure
  Duration timeout = seconds(2);  // per try
  int tries = 2;
  Duration min_ttl = seconds(1);  // of watch()
  Duration max_ttl = std::chrono::minutes(5);
  Duration empty_ttl = seconds(10);   // of watch(), for an empty answer: c-ares does not tell its TTL
  Duration retry_first = seconds(1);  // after a failure, doubling up to retry_max
  Duration retry_max = seconds(30);
};

class Resolver {
 public:
  // Called on the loop, never from inside the call that asked.
  using Callback = std::function<void(Result<Resolved>)>;
  using SrvCallback = std::function<void(Result<SrvAnswer>)>;

  // Stops the watch when it goes.
  class Watch {
   public:
    // Lookups of it that failed.
    [[nodiscard]] std::uint64_t failures() const { return failures_ == nullptr ? 0 : *failures_; }

    Watch() = default;
    Watch(Watch&&) noexcept = default;
    Watch& operator=(Watch&&) noexcept = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() = default;

   private:
    friend class Resolver;
    explicit Watch(std::shared_ptr<const std::uint64_t> failures) : failures_(std::move(failures)) {}
    std::shared_ptr<const std::uint64_t> failures_;  // a part of the watch: holds it
  };

  static Result<std::unique_ptr<Resolver>> make(Loop& loop, ResolverSettings settings);
  ~Resolver();  // what is asked and not answered is dropped: no callback after it
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(const std::string& name, ResolveFamily family, Callback done);

  // Calls `changed` with the first answer, with every answer whose addresses differ from the last good one, with the
  // first failure of a row of failures (to be logged; the last good answer holds), and with the answer that ends one.
  [[nodiscard]] Watch watch(const std::string& name, ResolveFamily family, Callback changed);
  // The same for the SRV records of "_service._proto.name". The name is whole: no search list is tried.
  [[nodiscard]] Watch watch_srv(const std::string& name, SrvCallback changed);

 private:
  class Impl;
  template <class Answer>
  class WatchState;
  template <class Answer>
  [[nodiscard]] Watch begin_watch(std::shared_ptr<WatchState<Answer>> state);
  explicit Resolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace shared
