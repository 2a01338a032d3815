#include "edge/load/check_listeners.h"

#include <map>
#include <string>

namespace edge {
namespace {

using shared::load::Diagnostics;
using shared::load::Located;
using shared::load::Position;

void check_pool(const EdgeConfig& edge, const Located<std::string>& name, Diagnostics& diagnostics) {
  const PoolConfig* pool = find_named(edge.pools, name.value);
  if (pool == nullptr) {
    return shared::load::unknown_name(name.at, "pool", name.value, names_of(edge.pools), diagnostics);
  }
  if (pool->sticky) {
    diagnostics.warning(
        name.at, "pool '" + name.value +
                     "' has sticky sessions by a cookie or field, which nobody reads here: use balance: ip_hash");
  }
  if (hashes(pool->balance) && pool->hash.by.kind != HashKey::Kind::client) {
    diagnostics.warning(name.at, "pool '" + name.value +
                                     "' hashes by what a request says, which nobody reads here: the client decides");
  }
}

void check_names(const ListenConfig& listen, Diagnostics& diagnostics) {
  std::map<std::string, Position> seen;
  for (const SniConfig& rule : listen.sni) {
    for (const Located<std::string>& name : rule.names) {
      const auto [first, fresh] = seen.emplace(name.value, name.at);
      if (fresh) continue;
      diagnostics.error(name.at, "name: '" + name.value + "' already has a pool (" + first->second.to_string() + ")");
    }
  }
}

}  // namespace

void check_listeners(const EdgeConfig& edge, Diagnostics& diagnostics) {
  for (const ListenConfig& listen : edge.listen) {
    if (listen.protocol == Protocol::http || listen.protocol == Protocol::https) continue;
    if (listen.pool) check_pool(edge, *listen.pool, diagnostics);
    const PoolConfig* pool = listen.pool ? find_named(edge.pools, listen.pool->value) : nullptr;
    if (listen.protocol == Protocol::udp && pool != nullptr && pool->tls) {
      diagnostics.error(listen.pool->at, "pool '" + listen.pool->value + "' has tls, which is not for datagrams");
    }
    if (listen.protocol == Protocol::udp && pool != nullptr && pool->proxy_protocol) {
      diagnostics.warning(listen.pool->at, "pool '" + listen.pool->value +
                                               "' has proxy_protocol, which no datagram carries: its servers see this "
                                               "edge's address");
    }
    for (const SniConfig& rule : listen.sni) check_pool(edge, rule.pool, diagnostics);
    check_names(listen, diagnostics);
  }
}

}  // namespace edge
