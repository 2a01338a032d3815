#include "edge/load/check_sessions.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ascii.h"

namespace edge {
namespace {

// Where a pool's cookie goes: hosts as routes have them ("", "shop.example", "*.shop.example"), or ".shop.example" for
// a domain and all below it.
struct Cookie {
  std::string_view pool;
  const StickyConfig* sticky = nullptr;
  std::string name;
  std::vector<std::string> hosts;
};

const PoolConfig* find_pool(const EdgeConfig& edge, std::string_view name) {
  const auto found = std::ranges::find_if(edge.pools, [&](const auto& pool) { return pool.name == name; });
  return found == edge.pools.end() ? nullptr : &found->value;
}

// Whether requests for `from` may be served by `pool`, itself or as the stand-in of another.
bool leads_to(const EdgeConfig& edge, std::string_view from, std::string_view pool) {
  for (std::size_t step = 0; step <= edge.pools.size(); ++step) {
    if (from == pool) return true;
    const PoolConfig* config = find_pool(edge, from);
    if (config == nullptr || !config->absent) return false;
    from = config->absent->value;
  }
  return false;
}

std::vector<Cookie> cookies_of(const EdgeConfig& edge) {
  std::vector<Cookie> cookies;
  for (const auto& [name, at, pool] : edge.pools) {
    if (!pool.sticky || pool.sticky->store != StickyStore::cookie) continue;
    Cookie cookie{.pool = name, .sticky = &*pool.sticky, .name = session_cookie(name, *pool.sticky), .hosts = {}};
    const std::string& domain = pool.sticky->domain;
    for (const RouteConfig& route : edge.routes) {
      if (!route.pool || !leads_to(edge, route.pool->value, name)) continue;
      cookie.hosts.push_back(domain.empty() ? route.host : domain.starts_with('.') ? domain : "." + domain);
    }
    cookies.push_back(std::move(cookie));
  }
  return cookies;
}

// "*.a.b" and ".a.b" cover what ends so, the latter "a.b" too.
bool covers(std::string_view wide, std::string_view host) {
  if (wide.empty() || wide == host) return true;
  if (wide.starts_with('*')) return host.ends_with(wide.substr(1));
  return wide.starts_with('.') && (host.ends_with(wide) || host == wide.substr(1));
}

bool overlap(const Cookie& a, const Cookie& b) {
  const std::string& x = a.sticky->path;
  const std::string& y = b.sticky->path;
  if (!x.starts_with(y) && !y.starts_with(x)) return false;
  return std::ranges::any_of(a.hosts, [&](const std::string& one) {
    return std::ranges::any_of(b.hosts,
                               [&](const std::string& other) { return covers(one, other) || covers(other, one); });
  });
}

// By TLS that ends here, or before a proxy that we are told of.
bool may_be_secure(const EdgeConfig& edge) {
  if (!edge.trusted_proxies.empty()) return true;
  return std::ranges::any_of(edge.listen, [](const ListenConfig& listen) {
    return listen.protocol == Protocol::https || listen.proxy_protocol;
  });
}

// One whose requests are plain http, and nobody says that they were https before.
const ListenConfig* plain_listener(const EdgeConfig& edge) {
  if (!edge.trusted_proxies.empty()) return nullptr;
  const auto found = std::ranges::find_if(edge.listen, [](const ListenConfig& listen) {
    return listen.protocol == Protocol::http && !listen.redirect_to_https && !listen.proxy_protocol;
  });
  return found == edge.listen.end() ? nullptr : &*found;
}

}  // namespace

std::string session_cookie(std::string_view pool, const StickyConfig& config) {
  if (!config.cookie.empty()) return config.cookie;
  std::string name = "MERIDIAN_";
  for (const char c : pool) {
    name += shared::is_alphanumeric(c) || c == '-' || c == '.' ? c : '_';
  }
  return name;
}

void check_sessions(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics) {
  const std::vector<Cookie> cookies = cookies_of(edge);
  for (auto one = cookies.begin(); one != cookies.end(); ++one) {
    const auto other =
        std::find_if(cookies.begin(), one, [&](const Cookie& o) { return o.name == one->name && overlap(o, *one); });
    if (other == one) continue;
    diagnostics.warning(one->sticky->at, "sticky: pool '" + std::string(other->pool) + "' has a cookie " + one->name +
                                             " on the same host, too: each ends the other's sessions; give one of "
                                             "them another name with `cookie`, or leave both out");
  }
  const bool secure = may_be_secure(edge);
  const ListenConfig* const plain = plain_listener(edge);
  for (const Cookie& cookie : cookies) {
    if (!cookie.sticky->secure || (secure && plain == nullptr)) continue;
    diagnostics.warning(
        cookie.sticky->at,
        secure ? "sticky: browsers send a Secure cookie over https alone, so clients of the listener " +
                     plain->address.value.to_string() + " (" + plain->address.at.to_string() +
                     ") have no session: say redirect_to_https: true there, or secure: false here"
               : "sticky: browsers send a Secure cookie over https alone, and nothing here is: listen with "
                 "protocol: https, name the proxy that is in front in trusted_proxies, or say secure: false");
  }
}

}  // namespace edge
