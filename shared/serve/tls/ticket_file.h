#pragma once
// ticket_keys_of(): the keys of session tickets as a file holds them, for TicketKeys. Pure, any thread.

#include <string>
#include <vector>

#include "shared/serve/tls/ticket_keys.h"

namespace shared {

// `octets`: of each key, as shared::load::read_ticket_keys() has them.
[[nodiscard]] TicketKeys::List ticket_keys_of(const std::vector<std::string>& octets);

}  // namespace shared
