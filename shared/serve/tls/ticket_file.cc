#include "shared/serve/tls/ticket_file.h"

#include <cstring>

namespace shared {

TicketKeys::List ticket_keys_of(const std::vector<std::string>& octets) {
  static_assert(sizeof(TicketKey) == kTicketKeySize);
  TicketKeys::List list;
  for (const std::string& one : octets) {
    TicketKey key{};
    if (one.size() != sizeof key) continue;
    std::memcpy(&key, one.data(), sizeof key);
    list.push_back(key);
  }
  return list;
}

}  // namespace shared
