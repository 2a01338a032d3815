// The field table of rate limits.

#include <array>
#include <cmath>

#include "edge/load/readers.h"
#include "edge/load/tables.h"
#include "shared/http/fields.h"

namespace edge {
namespace {

using namespace shared::load;

constexpr std::array<EnumName<LimitKeyPart::Kind>, 5> kWords{{{"client", LimitKeyPart::Kind::client},
                                                              {"api_key", LimitKeyPart::Kind::api_key},
                                                              {"tier", LimitKeyPart::Kind::tier},
                                                              {"host", LimitKeyPart::Kind::host},
                                                              {"route", LimitKeyPart::Kind::route}}};

std::optional<LimitKeyPart> read_part(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 3> kKeys{"header", "cookie", "claim"};
  if (node.is_scalar()) {
    for (const auto& word : kWords) {
      if (node.text == word.name) return LimitKeyPart{.kind = word.value};
    }
    complain(node,
             "'" + node.text +
                 "' is none of client, api_key, tier, host, route, {header: NAME}, {cookie: NAME}, "
                 "{claim: NAME}",
             diagnostics);
    return std::nullopt;
  }
  const Node* element = expect_one_key(node, kKeys, diagnostics);
  if (element == nullptr || !expect_scalar(*element, "a name", diagnostics)) return std::nullopt;
  if (element->key == "claim") {
    if (!element->text.empty()) return LimitKeyPart{.kind = LimitKeyPart::Kind::claim, .name = element->text};
    complain(*element, "the name of a claim is wanted, such as sub", diagnostics);
    return std::nullopt;
  }
  if (!http::is_token(element->text)) {
    complain(*element, "'" + element->text + "' is not the name of a header field or cookie", diagnostics);
    return std::nullopt;
  }
  const bool header = element->key == "header";
  return LimitKeyPart{.kind = header ? LimitKeyPart::Kind::header : LimitKeyPart::Kind::cookie, .name = element->text};
}

std::string print_part(const LimitKeyPart& part) {
  if (part.kind == LimitKeyPart::Kind::header) return "{header: " + part.name + "}";
  if (part.kind == LimitKeyPart::Kind::cookie) return "{cookie: " + part.name + "}";
  if (part.kind == LimitKeyPart::Kind::claim) return "{claim: " + part.name + "}";
  for (const auto& word : kWords) {
    if (word.value == part.kind) return std::string(word.name);
  }
  return {};
}

Reader<LimitKeyPart> key_part() {
  return {"`client`, `api_key`, `tier`, `host`, `route`, `{header: NAME}`, `{cookie: NAME}` or `{claim: NAME}`",
          read_part, print_part};
}

void check_limit(const LimitConfig& limit, const Node& node, Diagnostics& diagnostics) {
  if (limit.key.empty()) diagnostics.error(node.at, "key: an empty list; `client` is the usual one");
  const double rate = limit.rate.per_second;
  if (rate <= 0) return;  // it could not be read, which has been said
  if (rate > RateLimit::kMostRate) {
    diagnostics.error(node.at,
                      "rate: at most " + std::to_string(static_cast<std::uint32_t>(RateLimit::kMostRate)) + "/s");
    return;
  }
  const double seconds = (limit.burst + 1.0) / rate;
  constexpr double kMost = static_cast<double>(shared::RateCells::kMostCapacity) / RateLimit::kTicksASecond;
  if (seconds > kMost) {
    diagnostics.error(node.at, "burst: " + std::to_string(limit.burst) + " at this rate take " +
                                   print_number(std::round(seconds / 360) / 10) + "h to come back; at most " +
                                   print_number(std::floor(kMost / 360) / 10) + "h");
  }
  constexpr double kMostShared = 15 * 60;  // an edge may have a small part of it, which takes as much longer
  if (limit.scope == LimitScope::region && seconds > kMostShared) {
    diagnostics.error(node.at,
                      "scope: region: burst and rate must make a whole allowance come back within 15m; this "
                      "takes " +
                          print_number(std::round(seconds / 6) / 10) + "m");
  }
  if (limit.excess == Excess::delay && limit.burst == 0) {
    diagnostics.warning(node.at, "excess: delay without burst: nothing can wait, all excess is refused");
  }
}

}  // namespace

const Table<LimitConfig>& limit_table() {
  static const auto table =
      Table<LimitConfig>("edge.limits.NAME",
                         "How often requests may come, for each key: GCRA, exact over workers and reloads. See "
                         "docs/limits.md.")
          .required("rate", &LimitConfig::rate, rate(), "In the long run: 100/s, 30/m, 1000/h")
          .field("burst", &LimitConfig::burst, integer<std::uint32_t>(0, 1'000'000),
                 "So many more at once, beyond the one that is due")
          .field("excess", &LimitConfig::excess, one_of<Excess>({{"reject", Excess::reject}, {"delay", Excess::delay}}),
                 "`reject`: what is over rate and burst is answered 429. `delay`: so is it, and what is in the burst "
                 "waits for its turn, so that servers see the rate")
          .field(
              "key", &LimitConfig::key, one_or_list(key_part()),
              "What is counted apart; of several, each combination. IPv6 clients count by their /64. Without the "
              "header, cookie, claim or API key the client stands for it. A claim is of the token that a policy of the "
              "route's `auth` has verified: `{claim: sub}` is whom it is of, however many tokens there are. `api_key` "
              "is what a policy of the route's `auth` "
              "has let the client in by, X-Api-Key or `Authorization: Bearer`, and of a password the client; where "
              "none has, whatever stands there. 400 where a header or API key by which an enforced limit counts stands "
              "there with two values")
          .field("mode", &LimitConfig::mode, mode(), "enforce, shadow or disabled")
          .field("scope", &LimitConfig::scope,
                 one_of<LimitScope>({{"edge", LimitScope::edge}, {"region", LimitScope::region}}),
                 "`edge`: each edge counts for itself. `region`: all edges of a region share the rate through "
                 "`edge.redis`, which no request waits for; each gives every key its burst")
          .field("exempt", &LimitConfig::exempt, list_of(prefix()), "Networks of clients that it is not asked for")
          .field("everywhere", &LimitConfig::everywhere, boolean(), "For every route, before the route's own")
          .field("announce", &LimitConfig::announce, boolean(),
                 "RateLimit and RateLimit-Policy in every response and not only in refusals")
          .field(
              "keys", &LimitConfig::keys, integer<std::uint32_t>(1024, 16'777'216),
              "Told apart at a time, at least; up to 32 octets each. When there are more, who is nearest to his whole "
              "allowance is forgotten first")
          .check(check_limit);
  return table;
}

}  // namespace edge
