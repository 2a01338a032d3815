#pragma once
// `meridian init`: writes a commented configuration and zone to start from, for the names and addresses that are told,
// or asked for where somebody sits at a terminal. What it writes passes `meridian check`. One thread.

#include <string>
#include <vector>

#include "cli/command.h"
#include "shared/core/result.h"

namespace cli {

struct InitRegion {
  std::string name;                   // eu
  std::vector<std::string> edges;     // addresses
  std::vector<std::string> backends;  // ADDRESS:PORT
  std::string location;               // "53.35,-6.26"; empty: unknown
};

struct InitPlan {
  std::string service;                    // shop
  std::string zone;                       // example.com
  std::vector<std::string> nodes;         // addresses of the DNS nodes: ns1, ns2, ...
  std::vector<std::string> names{"www"};  // of the zone: "@" is the zone itself
  std::vector<InitRegion> regions;
};

// "eu=203.0.113.11,203.0.113.12" and "eu=10.3.0.10:8080" and "eu=53.35,-6.26".
[[nodiscard]] shared::Result<InitPlan> plan_of(const std::vector<std::string>& regions,
                                               const std::vector<std::string>& backends,
                                               const std::vector<std::string>& locations);

[[nodiscard]] std::string init_configuration(const InitPlan& plan);
[[nodiscard]] std::string init_zone(const InitPlan& plan);

[[nodiscard]] Command init_command(shared::Parser parent);

}  // namespace cli
