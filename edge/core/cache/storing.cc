#include "edge/core/cache/storing.h"

#include <algorithm>
#include <string>

#include "edge/core/cache/vary.h"

namespace edge {
namespace {

constexpr std::string_view kAuthorized = "the request had Authorization";
constexpr std::string_view kKeyed = "the request had X-Api-Key";

// It is worth keeping: fresh for a while, stale for a while, or something to ask about.
bool is_of_use(const http::ResponseHead& response, const ResponseDirectives& directives, const CacheRule& rule,
               Delta lifetime) {
  if (response.fields.has(http::FieldId::etag) || response.fields.has(http::FieldId::last_modified)) return true;
  if (directives.no_cache) return false;
  const bool stale = directives.stale_while_revalidate.seconds > 0 || directives.stale_if_error.seconds > 0 ||
                     rule.stale_while_revalidate > 0 || rule.stale_if_error > 0;
  return lifetime > 0 || stale;
}

// As this edge reads it an API key says who asks, no less than Authorization does: its answers are one client's, unless
// the store tells keys apart.
bool knows_keys(const CacheRule& rule, const http::ResponseHead& response) {
  const bool keyed = std::ranges::any_of(rule.key, [](const CacheKeyPart& part) {
    return part.kind == CacheKeyPart::Kind::header && http::field_id(part.name) == http::FieldId::x_api_key;
  });
  return keyed || ("," + vary_names(response.fields) + ",").find(",x-api-key,") != std::string::npos;
}

}  // namespace

bool is_understood(std::uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
    case 400:
    case 403:
    case 404:
    case 405:
    case 410:
    case 414:
    case 451:
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool is_for_one_client(std::string_view why) { return why == kAuthorized || why == kKeyed; }

std::string_view why_not_stored(const http::FieldList& request, const http::ResponseHead& response,
                                const ResponseDirectives& directives, const CacheRule& rule,
                                http::UnixSeconds heard_at) {
  const std::uint16_t status = response.status;
  if (status < 200 || status == 206 || status == 304 || status == 416) return "a status that is never stored";
  if (directives.must_understand ? !is_understood(status) : directives.no_store) return "no-store";
  if (directives.is_private) return "private";
  const bool for_all = directives.is_public || directives.must_revalidate || directives.s_maxage.given;
  if (request.has(http::FieldId::authorization) && !for_all) return kAuthorized;
  if (request.has(http::FieldId::x_api_key) && !for_all && !knows_keys(rule, response)) {
    return kKeyed;
  }
  if (rule.set_cookie == CookiePolicy::pass && response.fields.has(http::FieldId::set_cookie)) return "Set-Cookie";
  // As good as a cookie: whoever got it would go on with another one's session.
  if (!rule.session_field.empty() && response.fields.find(rule.session_field) != nullptr) return "a session";
  if (varies_by_everything(response.fields)) return "Vary: *";
  if (varies_by_a_twin(request, response.fields)) return "a field that may pass for one in Vary";
  const Lifetime lifetime = lifetime_of(response, directives, rule, heard_at);
  const bool explicitly = lifetime.source != FreshnessSource::none || directives.is_public || directives.no_cache;
  if (!explicitly && !is_heuristically_cacheable(status)) return "nothing says for how long";
  if (!is_of_use(response, directives, rule, lifetime.seconds)) return "stale at once, and nothing to ask about";
  return {};
}

}  // namespace edge
