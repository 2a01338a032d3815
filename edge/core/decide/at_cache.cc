#include "edge/core/decide/at_cache.h"

#include "edge/core/cache/cache_key.h"
#include "edge/core/route/gate.h"

namespace edge {
namespace {

bool is_conditional_for_origins(const http::FieldList& fields) {
  return fields.has(http::FieldId::if_match) || fields.has(http::FieldId::if_unmodified_since);
}

// A session is one whether this edge knows it already or not: its page is for nobody else. Nor is that of who has said
// who he is, be it to the route before, which his tier has led away from.
BypassSource bypass_source(const Decision& decision, const CacheAsker& asker) {
  const http::Body& body = asker.framing.body;
  const Gate* gate = decision.match.route->gate.get();
  const PoolRequest& at_pool = decision.at_pool;
  return {.head = asker.head,
          .has_body = body.kind != http::BodyKind::none && body != http::Body{http::BodyKind::length, 0},
          .upgrades = asker.framing.upgrade,
          .identified = asker.certified || at_pool.session.has_value() || at_pool.learned.end != SessionEnd::none ||
                        at_pool.pool->proxy_protocol.has_value(),
          .authenticated = decision.match.identity != nullptr || (gate != nullptr && !gate->auth.empty()),
          .rule = decision.match.route->cache.get()};
}

// Two routes may make the same target of different ones; and one that only some clients get has servers of its own.
std::string_view told_apart_by(const Match& found) {
  const Conditions& conditions = found.route->conditions;
  const bool of_some = !conditions.headers.empty() || !conditions.cookies.empty() || conditions.share.has_value();
  return of_some ? std::string_view(found.route->name) : rewriter_of(found);
}

void pass(CacheQuestion& question, std::string_view forward, std::string_view why) {
  question.forward = forward;
  question.why_forward = why;
}

}  // namespace

CacheQuestion ask_cache(const Decision& decision, const CacheAsker& asker) {
  const Match& found = decision.match;
  const CacheRule& rule = *found.route->cache;
  const http::FieldList& fields = asker.head.fields;
  CacheQuestion question;
  question.url.reserve(found.target.authority.size() + found.target.kept.size() + found.target.query.size());
  append_cache_url(rule, found.target, question.url);
  append_selector(rule,
                  {.fields = fields,
                   .client = found.client,
                   .scheme = asker.scheme,
                   .tier = asker.tiers.name(found.tier),
                   .route = told_apart_by(found)},
                  question.selector);
  if (rule.request_directives) question.directives = request_directives(fields);
  const bool reads = asker.head.method == http::Method::get || asker.head.method == http::Method::head;
  const std::string_view bypassed = why_bypassed(bypass_source(decision, asker));
  if (found.target.authority.empty()) {
    pass(question, "bypass", "no store");
  } else if (!reads) {
    pass(question, "method", {});
  } else if (!bypassed.empty()) {
    pass(question, "bypass", bypassed);
  } else if (is_conditional_for_origins(fields)) {
    pass(question, "request", "a condition for the server");
  } else if (question.directives.no_store) {
    pass(question, "request", "no-store");
  }
  return question;
}

}  // namespace edge
