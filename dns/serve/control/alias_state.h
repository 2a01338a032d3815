#pragma once
// What is remembered of ALIAS targets through a restart, as the JSON text of one file in the state directory: without
// it a node that starts while its resolver is away would answer SERVFAIL. Pure functions, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "dns/core/steer/alias_view.h"
#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "shared/core/result.h"

namespace dns {

inline constexpr std::string_view kAliasesFile = "aliases.json";

// The last good answer of one type of a target.
struct RememberedAlias {
  Name target;
  AddressType type{};
  std::vector<shared::IpAddress> addresses;
};

[[nodiscard]] std::string write_aliases(const std::vector<RememberedAlias>& aliases);
[[nodiscard]] shared::Result<std::vector<RememberedAlias>> read_aliases(std::string_view json);

}  // namespace dns
