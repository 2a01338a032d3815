#include "edge/serve/request/decide.h"

#include <string>

namespace edge {

template <class Trace>
std::optional<http::Refusal> identify_request(const Looked& looked, Match& found, Trace& trace) {
  const http::FieldList& fields = looked.head.fields;
  found.client = identify_client(found.client.peer, fields, looked.snapshot.settings->trusted_proxies);
  trace.note("client", [&] {
    return found.client.address.to_string() + (found.client.trusted ? ", through a trusted proxy" : "");
  });
  const auto target = resolve_target(looked.head, looked.scratch);
  if (!target) return target.error();
  found.target = *target;
  if (looked.snapshot.settings->merge_slashes) found.target.kept = found.target.path;
  trace.note("target", [&] {
    const std::string forwarded =
        found.target.kept == target->path ? "" : ", forwarded as " + std::string(target->kept);
    return "host " + std::string(target->host) + ", path " + std::string(target->path) + forwarded;
  });
  const Tiers& tiers = *looked.snapshot.tiers;
  found.tier = tiers.decide(fields, found.client);
  if (tiers.enabled()) trace.note("tier", [&] { return std::string(tiers.name(found.tier)); });
  return std::nullopt;
}

template <class Trace>
std::optional<http::Refusal> match_request(const Looked& looked, Match& found, Trace& trace) {
  const RequestInfo info{.host = found.target.host,
                         .path = found.target.path,
                         .method = looked.head.method,
                         .tier = found.tier,
                         .client = found.client.address,
                         .fields = looked.head.fields,
                         .kept = found.target.kept};
  const auto route = match(*looked.snapshot.routes, info, looked.scratch, trace);
  if (!route) return route.error();
  found.route = *route;
  return std::nullopt;
}

template <class Trace>
std::optional<http::Refusal> admit(const Match& match, Trace& trace) {
  const bool allowed = match.route->allows(match.client.address);
  if (match.route->allow) {
    trace.note("allow",
               [&] { return match.client.address.to_string() + (allowed ? " is allowed" : " is not allowed"); });
  }
  if (!allowed) return http::Refusal{.status = 403, .reason = "client not in the route's allow list"};
  return std::nullopt;
}

template std::optional<http::Refusal> identify_request(const Looked&, Match&, shared::NullTrace&);
template std::optional<http::Refusal> identify_request(const Looked&, Match&, shared::RecordingTrace&);
template std::optional<http::Refusal> match_request(const Looked&, Match&, shared::NullTrace&);
template std::optional<http::Refusal> match_request(const Looked&, Match&, shared::RecordingTrace&);
template std::optional<http::Refusal> admit(const Match&, shared::NullTrace&);
template std::optional<http::Refusal> admit(const Match&, shared::RecordingTrace&);

}  // namespace edge
