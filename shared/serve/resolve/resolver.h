#pragma once
// Resolver: names to addresses, and services to SRV records, through c-ares, driven by the control loop: it never
// blocks it. /etc/hosts counts for addresses, IP literals come back at once. It asks once; who wants to keep up uses
// name_follower.h, which owns it. Control loop's thread only.

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
  std::vector<IpAddress> addresses;  // sorted, each once; empty: the name exists, without any of the family
  seconds ttl{0};                    // as the DNS said it: the least of the records

  bool operator==(const Resolved&) const = default;
};

struct ResolverSettings {
  std::vector<Endpoint> servers;  // empty: those of /etc/resolv.conf
  std::optional<int> ndots;       // empty: as in /etc/resolv.conf
  Duration timeout = seconds(2);  // per try
  int tries = 2;
};

class Resolver {
 public:
  // Called on the loop, never from inside the call that asked.
  using Callback = std::function<void(Result<Resolved>)>;
  using SrvCallback = std::function<void(Result<SrvAnswer>)>;

  static Result<std::unique_ptr<Resolver>> make(Loop& loop, ResolverSettings settings);
  ~Resolver();  // what is asked and not answered is dropped: no callback after it
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(const std::string& name, ResolveFamily family, Callback done);

  // "_service._proto.name", whole: no search list is tried.
  void resolve_srv(const std::string& name, SrvCallback done);

 private:
  class Impl;
  explicit Resolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace shared
