#include "edge/core/message/client.h"

#include <algorithm>

#include "shared/core/ascii.h"

namespace edge {
namespace {

// Walks one field's hops from the right. True when the walk is over: an untrusted hop, or one that cannot be read.
bool walk_hops(std::string_view list, const PrefixSet& trusted, shared::IpAddress& client) {
  while (true) {
    const std::size_t comma = list.rfind(',');
    const std::string_view hop = shared::trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
    const std::optional<shared::IpAddress> address = parse_hop(hop);
    // Who wrote what cannot be read is not known; the hop to its right is the last that a trusted proxy vouches for.
    if (!address) return true;
    client = *address;
    if (!trusted.contains(client)) return true;
    if (comma == std::string_view::npos) return false;
    list = list.substr(0, comma);
  }
}

}  // namespace

std::optional<shared::IpAddress> parse_hop(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::optional<shared::IpAddress> address;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address = shared::IpAddress::parse(text.substr(1, close - 1));
    if (address && address->family != shared::Family::ipv6) return std::nullopt;
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    address = shared::IpAddress::parse(text.substr(0, text.find(':')));
  } else {
    address = shared::IpAddress::parse(text);
  }
  if (!address) return std::nullopt;
  return unmapped(*address);
}

Client identify_client(const shared::IpAddress& peer, const http::FieldList& fields, const PrefixSet& trusted) {
  Client client;
  client.peer = unmapped(peer);
  client.address = client.peer;
  client.trusted = trusted.contains(client.peer);
  if (!client.trusted || !fields.has(http::FieldId::x_forwarded_for)) return client;
  const std::span<const http::Field> all = fields.all();
  for (auto field = all.rbegin(); field != all.rend(); ++field) {
    if (field->id == http::FieldId::x_forwarded_for && walk_hops(field->value, trusted, client.address)) break;
  }
  return client;
}

}  // namespace edge
