#pragma once
// Backends: what Control does about servers all the time: checks them and writes the result into Live, resolves the
// names among them and says when addresses changed. A name that does not resolve has no address, so its server is down;
// it never holds up a start. Of a server with several addresses each is checked for itself, and those that are down are
// left out of addresses() while another is not. What is found within a short quiet time is told once, and costs what
// changed. Owned by Control, on its loop's thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/load/build.h"
#include "shared/core/health.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/serve/loop/debounce.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/probe/prober.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class Backends {
 public:
  // `on_addresses` is called when addresses() has changed, by DNS or by a check.
  Backends(shared::Loop& loop, Live& live, shared::NameFollower& follower, std::function<void()> on_addresses);
  Backends(const Backends&) = delete;
  Backends& operator=(const Backends&) = delete;

  // The servers of a new world. What kept its name keeps its state.
  void set(const Built& built);
  // What the checks have found, and names have resolved to, for the process that takes over: lines that recall()
  // reads, which then need not begin with servers unknown.
  [[nodiscard]] std::string remember() const;
  void recall(std::string_view lines);
  // Literal addresses and what names resolve to; for requests.
  [[nodiscard]] std::shared_ptr<const Addresses> addresses() const { return addresses_; }
  // Addresses of a server that addresses() lacks, since its checks say that they are down.
  [[nodiscard]] std::vector<shared::Endpoint> left_out(ServerId server) const;
  // Why a server is not well, as the last check of it that was not good said; empty: nothing is known against it.
  [[nodiscard]] std::string_view reason(ServerId server) const;
  // The number of HealthTarget::told that a check of it brought last, if that was not too long ago.
  [[nodiscard]] std::optional<double> told(ServerId server, shared::TimePoint now) const;

 private:
  // One check of one address of one server.
  struct Probed {
    ServerId server{};
    shared::Endpoint endpoint;  // the server's, whatever port the check asks
    std::size_t check = 0;      // index in its list

    friend auto operator<=>(const Probed&, const Probed&) = default;
  };
  struct Check {
    shared::HealthMachine machine;
    std::string reason;  // of the last result; empty: all is well
    shared::ProbeTargetId probe{};
    double told = 0;
    shared::TimePoint told_until{};  // so long it counts
  };
  struct Named {
    NameToResolve name;
    std::vector<shared::Endpoint> endpoints;
    shared::NameFollower::Follow follow;
  };

  [[nodiscard]] static std::string line_of(const HealthTarget& target, const Probed& probed);
  void recall_addresses(const std::set<std::string_view>& known);
  void follow_names(const std::vector<NameToResolve>& names);
  void on_resolved(ServerId server, const shared::Result<shared::Resolved>& result);
  void take_changes();
  void rebuild_addresses();
  void choose_addresses();
  void rebuild_probes();
  void change_probes(const std::set<ServerId>& servers);
  void begin_probe(const HealthTarget& target, const Probed& probed, std::vector<shared::ProbeTarget>& fresh);
  [[nodiscard]] std::vector<shared::Endpoint> answering(ServerId server) const;
  [[nodiscard]] shared::HealthState health_at(ServerId server, const shared::Endpoint& endpoint) const;
  void on_report(const shared::ProbeReport& report);
  static void keep_told(const NumberRule& rule, const HealthCheck& settings, const shared::ProbeReport& report,
                        Check& check);
  void store_health(const HealthTarget& target);
  [[nodiscard]] shared::HealthState health_of(const HealthTarget& target) const;

  Live& live_;
  std::function<void()> on_addresses_;
  shared::NameFollower& follower_;
  shared::Debounce together_;
  std::set<ServerId> changed_;  // and not taken yet: they have other addresses, or others of them answer
  std::vector<HealthTarget> targets_;
  std::map<ServerId, const HealthTarget*> target_of_;
  std::shared_ptr<const Addresses> literal_;
  std::shared_ptr<const Addresses> all_;  // with the names'
  std::shared_ptr<const Addresses> addresses_;
  std::map<Probed, Check> checks_;
  std::vector<std::pair<const HealthTarget*, Probed>> probes_;  // by ProbeTargetId
  std::vector<shared::ProbeTargetId> free_;                     // places in probes_
  std::unique_ptr<shared::Prober> prober_;
  std::map<ServerId, Named> names_;
};

}  // namespace edge
