// The field tables of who may ask: auth policies, CORS, and the traces of requests.

#include <algorithm>

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using std::chrono::hours;

std::optional<std::vector<ClaimField>> read_claims(const Node& node, Diagnostics& diagnostics) {
  if (!expect_map(node, "a map of claims and fields", diagnostics)) return std::nullopt;
  std::vector<ClaimField> fields;
  for (const Node& element : node.children) {
    if (const auto field = own_field().read(element, diagnostics)) fields.push_back({element.key, *field});
  }
  return fields.size() == node.children.size() ? std::optional(std::move(fields)) : std::nullopt;
}

// "https://shop.example": scheme and host as browsers write them, or "*".
Reader<std::string> origin() {
  return custom<std::string>("origin, or `*`", [](const Node& node, Diagnostics& diagnostics) {
    const std::string& text = node.text;
    const bool web = text.starts_with("https://") || text.starts_with("http://");
    const std::size_t host = text.find("//") + 2;
    const bool plain =
        std::ranges::none_of(text, [](char c) { return c <= ' ' || c >= 0x7F || (c >= 'A' && c <= 'Z'); });
    if (node.is_scalar() &&
        (text == "*" || (web && plain && host < text.size() && text.find('/', host) > text.size()))) {
      return std::optional<std::string>(text);
    }
    complain(node, "an origin is wanted such as https://shop.example, in lower case and without a path, or *",
             diagnostics);
    return std::optional<std::string>();
  });
}

Reader<std::string> any_field() {
  return custom<std::string>("name of a field", [](const Node& node, Diagnostics& diagnostics) {
    if (node.is_scalar() && http::is_token(node.text)) return std::optional<std::string>(node.text);
    complain(node, "the name of a header field is wanted", diagnostics);
    return std::optional<std::string>();
  });
}

const Table<JwtConfig>& jwt_table() {
  static const auto table =
      Table<JwtConfig>("edge.auth.NAME.jwt",
                       "JSON Web Tokens in Authorization: Bearer, signed by RS256, ES256 or EdDSA. A token without an "
                       "end (`exp`) is refused.")
          .required("keys", &JwtConfig::keys, located(file_path()),
                    "File of public keys, a JWKS (RFC 7517), read again when it changes")
          .field("issuer", &JwtConfig::issuer, text(), "`iss` must be this; else it is not looked at")
          .field("audience", &JwtConfig::audiences, one_or_list(text()),
                 "One of these must be in `aud`; else it is not looked at")
          .field("leeway", &JwtConfig::leeway, duration(shared::seconds(0), hours(1)), "By which clocks may differ")
          .field("fields", &JwtConfig::fields, custom<std::vector<ClaimField>>("`{CLAIM: FIELD}`", read_claims),
                 "Claims that servers read in fields, which no client can send")
          .field("tier", &JwtConfig::tier, text(),
                 "The claim that names the tier. The routes are asked once more with it: one for that tier takes the "
                 "request, "
                 "if the route that has asked for the token is not it");
  return table;
}

void check_auth(const AuthConfig& auth, const Node& node, Diagnostics& diagnostics) {
  const int kinds = (auth.passwords.value.empty() ? 0 : 1) + (auth.api_keys.value.empty() ? 0 : 1) + (auth.jwt ? 1 : 0);
  if (kinds != 1) diagnostics.error(node.at, "a policy has exactly one of passwords, api_keys and jwt");
  if (std::ranges::any_of(auth.realm, [](char c) { return c < ' ' || c >= 0x7F || c == '"' || c == '\\'; })) {
    diagnostics.error(node.at, "realm: plain text without quotes is wanted");
  }
}

void check_cors(const CorsConfig& cors, const Node& node, Diagnostics& diagnostics) {
  if (cors.origins.empty()) diagnostics.error(node.at, "cors: origins: there must be at least one");
  const bool any = std::ranges::find(cors.origins, "*") != cors.origins.end();
  if (any && cors.credentials) {
    diagnostics.error(node.at,
                      "cors: credentials with the origin * would let every site act for its visitors: "
                      "name the origins");
  }
}

}  // namespace

const Table<AuthConfig>& auth_table() {
  static const auto table =
      Table<AuthConfig>("edge.auth.NAME", "How clients show who they are. See docs/access.md.")
          .field("passwords", &AuthConfig::passwords, located(file_path()),
                 "Basic (RFC 7617): file of `NAME:HASH` lines, as `htpasswd -B` writes them")
          .field("api_keys", &AuthConfig::api_keys, located(file_path()),
                 "X-Api-Key or Authorization: Bearer: file of `sha256:DIGEST NAME [TIER]` lines")
          .field("jwt", &AuthConfig::jwt, optional_of(nested(jwt_table())), "Signed tokens")
          .field("realm", &AuthConfig::realm, text(), "What WWW-Authenticate says; the policy's name if nobody does")
          .field("user_field", &AuthConfig::user_field, own_field(),
                 "Field in which servers read who asks; no client can send it")
          .field("mode", &AuthConfig::mode, mode(), "enforce, shadow or disabled")
          .position(&AuthConfig::at)
          .check(check_auth);
  return table;
}

const Table<CorsConfig>& cors_table() {
  static const auto table =
      Table<CorsConfig>("edge.routes.cors",
                        "Which pages of other sites may use the route. Preflights are answered by the edge, and what "
                        "servers say of it is replaced.")
          .required("origins", &CorsConfig::origins, one_or_list(origin()), "https://shop.example ..., or `*`")
          .field("methods", &CorsConfig::methods, one_or_list(method()), "That they may use")
          .field("headers", &CorsConfig::headers, one_or_list(any_field()), "Fields that they may send")
          .field("expose", &CorsConfig::expose, one_or_list(any_field()), "Fields of answers that they may read")
          .field("credentials", &CorsConfig::credentials, boolean(), "With cookies and Authorization")
          .field("max_age", &CorsConfig::max_age, duration(shared::seconds(0), hours(24)),
                 "For how long a browser need not ask again")
          .check(check_cors);
  return table;
}

const Table<TraceConfig>& trace_table() {
  static const auto table =
      Table<TraceConfig>("edge.trace", "W3C Trace Context.")
          .field("sample", &TraceConfig::sample, percent(),
                 "Of the traces that begin here, how many are marked to be recorded")
          .field("otlp", &TraceConfig::otlp, optional_of(nested(otlp_table())),
                 "A collector that gets the spans of traces that are recorded; none: nobody is told");
  return table;
}

}  // namespace edge
