#pragma once
// ListenPlan: one address that the edge listens on, and what is special about it, as the configuration has it. Control
// makes a Listener of it at start. Value type, any thread.

#include <optional>

#include "edge/core/message/introduction.h"
#include "shared/core/ip.h"

namespace edge {

struct ListenPlan {
  shared::Endpoint where;
  std::optional<IntroductionRules> introductions;  // by the PROXY protocol; nothing: none are read

  bool operator==(const ListenPlan&) const = default;
};

}  // namespace edge
