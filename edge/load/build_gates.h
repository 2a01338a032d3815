#pragma once
// From configuration to what routes ask of a request before their action: access lists, and the Gate that holds them.
// Opens the files that lists name. Builder's thread.

#include <memory>

#include "edge/core/access/access_list.h"
#include "edge/core/message/error_pages.h"
#include "edge/core/route/gate.h"
#include "edge/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

// In file order, as `edge.access` has them.
[[nodiscard]] std::shared_ptr<const AccessLists> build_access(const EdgeConfig& edge, AccessLives& lives,
                                                              shared::load::Diagnostics& diagnostics);

// How a policy's files are read: names of tiers, and what keeps counts and numbers over builds.
struct AuthInputs {
  const EdgeConfig& edge;
  std::shared_ptr<const Tiers> tiers;
  std::uint64_t key_seed = 0;
  AuthLives& lives;
};
// In file order, as `edge.auth` has them.
[[nodiscard]] std::shared_ptr<const AuthPolicies> build_auth(const AuthInputs& inputs,
                                                             shared::load::Diagnostics& diagnostics);

struct GateInputs {
  const EdgeConfig& edge;
  const AccessLists& access;  // as build_access() gave them
  const AuthPolicies& auth;   // as build_auth() gave them
  const HeaderRules& response_rules;
};
// Null: the route asks nothing.
[[nodiscard]] std::shared_ptr<const Gate> build_gate(const RouteConfig& route, const GateInputs& inputs);

// Reads the files of pages; those of `first` come before those of `then`.
[[nodiscard]] ErrorPages build_error_pages(const std::vector<ErrorPageConfig>& first,
                                           const std::vector<ErrorPageConfig>& then,
                                           shared::load::Diagnostics& diagnostics);

}  // namespace edge
