#include "edge/load/build_gates.h"

#include <algorithm>
#include <utility>

#include "edge/load/access_file.h"
#include "edge/load/auth_files.h"
#include "edge/load/countries.h"
#include "edge/load/jwks.h"
#include "edge/load/route_key.h"
#include "shared/core/hash.h"
#include "shared/load/file.h"

namespace edge {
namespace {

using shared::load::Diagnostics;

constexpr std::size_t kLargestPage = std::size_t{256} * 1024;  // octets; it waits in memory for each slow client

// Those of all countries that lists name. A country without any network is an error: a database that has lost it would
// let everybody in, or nobody.
CountryNetworks countries_of(const EdgeConfig& edge, Diagnostics& diagnostics) {
  CountryNetworks wanted;
  std::map<std::string, shared::load::Position> named;
  for (const auto& list : edge.access) {
    for (const auto* entries : {&list.value.allow, &list.value.deny}) {
      for (const AccessEntryConfig& entry : *entries) {
        if (!entry.country.value.empty()) named.emplace(entry.country.value, entry.country.at);
      }
    }
  }
  if (named.empty()) return wanted;
  const auto& file = edge.geo_database;
  if (file.value.empty()) {
    diagnostics.error(named.begin()->second,
                      "country: which networks a country has is in a geo database; name it in "
                      "edge.geo_database");
    return wanted;
  }
  for (const auto& [code, at] : named) wanted[code];
  if (const auto read = read_countries(file.value, wanted); !read) {
    diagnostics.error(file.at, "geo_database " + file.value.string() + ": " + read.error().message);
    return wanted;
  }
  for (const auto& [code, at] : named) {
    if (wanted[code].empty()) {
      diagnostics.error(at, "country " + code + ": " + file.value.string() + " has no network of it");
    }
  }
  return wanted;
}

std::vector<shared::Prefix> networks_of(const std::vector<AccessEntryConfig>& entries, const CountryNetworks& countries,
                                        Diagnostics& diagnostics) {
  std::vector<shared::Prefix> networks;
  for (const AccessEntryConfig& entry : entries) {
    if (entry.prefix) networks.push_back(*entry.prefix);
    if (const auto found = countries.find(entry.country.value); found != countries.end()) {
      networks.insert(networks.end(), found->second.begin(), found->second.end());
    }
    if (entry.file.value.empty()) continue;
    const auto more = read_networks(entry.file.value, entry.file.at, diagnostics);
    networks.insert(networks.end(), more.begin(), more.end());
  }
  return networks;
}

bool names(const std::vector<shared::load::Located<std::string>>& all, const std::string& name) {
  return std::ranges::any_of(all, [&](const auto& one) { return one.value == name; });
}

// Is the list one of all routes, of this one's host, or its own?
bool guards(const shared::load::Named<AccessConfig>& list, const RouteConfig& route) {
  return list.value.everywhere || names(list.value.hosts, route.host) || names(route.access, list.name);
}

CorsSettings cors_settings(const CorsConfig& config) {
  CorsSettings settings{.origins = config.origins, .methods = {}, .headers = config.headers, .expose = config.expose};
  for (const http::Method method : config.methods) settings.methods.emplace_back(method_name(method));
  settings.credentials = config.credentials;
  settings.max_age = std::chrono::ceil<std::chrono::seconds>(config.max_age);
  return settings;
}

// The claims that limits count by.
std::vector<std::string> counted_claims(const EdgeConfig& edge) {
  std::vector<std::string> names;
  for (const auto& limit : edge.limits) {
    for (const LimitKeyPart& part : limit.value.key) {
      const bool known = std::ranges::find(names, part.name) != names.end();
      if (part.kind == LimitKeyPart::Kind::claim && !known) names.push_back(part.name);
    }
  }
  return names;
}

JwtRules jwt_rules(const JwtConfig& config, const AuthInputs& inputs, Diagnostics& diagnostics) {
  JwtRules rules;
  rules.keys = read_jwks(config.keys.value, config.keys.at, diagnostics);
  rules.issuer = config.issuer;
  rules.audiences = config.audiences;
  rules.leeway = std::chrono::ceil<std::chrono::seconds>(config.leeway);
  rules.fields = config.fields;
  rules.tier_claim = config.tier;
  rules.tiers = inputs.tiers.get();
  rules.kept = counted_claims(inputs.edge);
  return rules;
}

AuthSettings auth_settings(const shared::load::Named<AuthConfig>& named, const AuthInputs& inputs,
                           Diagnostics& diagnostics) {
  const AuthConfig& config = named.value;
  AuthSettings settings;
  settings.name = named.name;
  settings.mode = config.mode;
  settings.realm = config.realm.empty() ? named.name : config.realm;
  settings.user_field = config.user_field;
  if (!config.passwords.value.empty()) {
    const std::string text = read_secrets(config.passwords.value, config.passwords.at, diagnostics);
    settings.by = parse_passwords(text, config.passwords.value.string(), diagnostics);
  } else if (!config.api_keys.value.empty()) {
    const std::string text = read_secrets(config.api_keys.value, config.api_keys.at, diagnostics);
    settings.by = parse_hashed_keys(text, config.api_keys.value.string(), *inputs.tiers, diagnostics);
  } else {
    settings.by = jwt_rules(*config.jwt, inputs, diagnostics);
  }
  return settings;
}

// Of this policy in this build alone: what was remembered under another one is not found.
CredentialKeys credential_keys(std::uint64_t seed, std::uint64_t serial, std::string_view name) {
  CredentialKeys keys{};
  std::uint64_t state = shared::hash_text(seed + serial, name);
  for (shared::SipKey& key : keys) {
    for (std::uint8_t& octet : key) {
      state = shared::mix(state + seed);
      octet = static_cast<std::uint8_t>(state >> 56);
    }
  }
  return keys;
}

}  // namespace

std::shared_ptr<const AuthPolicies> build_auth(const AuthInputs& inputs, Diagnostics& diagnostics) {
  // Policies name tiers of theirs for as long as they live.
  struct Kept {
    std::shared_ptr<const Tiers> tiers;
    AuthPolicies policies;
  };
  const auto kept = std::make_shared<Kept>();
  kept->tiers = inputs.tiers;
  const std::uint64_t serial = inputs.lives.next_serial();
  for (const auto& named : inputs.edge.auth) {
    kept->policies.push_back(std::make_shared<const AuthPolicy>(auth_settings(named, inputs, diagnostics),
                                                                inputs.lives.of(named.name),
                                                                credential_keys(inputs.key_seed, serial, named.name)));
  }
  return {kept, &kept->policies};
}

std::shared_ptr<const AccessLists> build_access(const EdgeConfig& edge, AccessLives& lives, Diagnostics& diagnostics) {
  AccessLists lists;
  const CountryNetworks countries = countries_of(edge, diagnostics);
  for (const auto& [name, at, config] : edge.access) {
    AccessSettings settings{.name = name, .mode = config.mode};
    settings.allow = networks_of(config.allow, countries, diagnostics);
    settings.deny = networks_of(config.deny, countries, diagnostics);
    settings.allow_others = config.allow.empty();
    lists.push_back(std::make_shared<const AccessList>(std::move(settings), lives.of(name)));
  }
  return std::make_shared<const AccessLists>(std::move(lists));
}

ErrorPages build_error_pages(const std::vector<ErrorPageConfig>& first, const std::vector<ErrorPageConfig>& then,
                             Diagnostics& diagnostics) {
  std::vector<ErrorPage> pages;
  for (const auto* configs : {&first, &then}) {
    for (const ErrorPageConfig& config : *configs) {
      auto text = shared::load::read_file(config.file.value, {.largest = kLargestPage});
      if (!text) {
        diagnostics.error(config.file.at,
                          "cannot read the page " + config.file.value.string() + ": " + text.error().message);
        continue;
      }
      const auto body = std::make_shared<const std::string>(std::move(*text));
      for (const StatusRange& range : config.statuses) {
        pages.push_back({range.low, range.high, config.content_type, body, config.for_servers});
      }
    }
  }
  return ErrorPages(std::move(pages));
}

std::shared_ptr<const Gate> build_gate(const RouteConfig& route, const GateInputs& inputs) {
  Gate gate;
  for (std::size_t i = 0; i < inputs.access.size(); ++i) {
    if (guards(inputs.edge.access[i], route)) gate.access.push_back(inputs.access[i]);
  }
  const auto& maintenance = route.maintenance ? route.maintenance : inputs.edge.maintenance;
  if (maintenance && maintenance->mode != shared::Mode::disabled) {
    gate.maintenance = {PrefixSet(maintenance->bypass),
                        std::chrono::ceil<std::chrono::seconds>(maintenance->retry_after), maintenance->mode};
  }
  gate.max_body = route.max_body;
  for (std::size_t i = 0; i < inputs.auth.size(); ++i) {
    if (names(route.auth, inputs.edge.auth[i].name)) gate.auth.push_back(inputs.auth[i]);
  }
  if (route.cors) gate.cors.emplace(cors_settings(*route.cors), inputs.response_rules);
  for (const RewriteConfig& rewrite : route.rewrite) {
    if (auto rule = rewrite.rule()) gate.path.push_back(std::move(*rule));
  }
  for (const QueryRule& rule : route.query.rules) gate.query.apply(rule);
  const bool asks = !gate.access.empty() || gate.maintenance || gate.max_body || gate.cors || !gate.auth.empty();
  if (!asks && gate.path.empty() && gate.query.empty()) return nullptr;
  return std::make_shared<const Gate>(std::move(gate));
}

}  // namespace edge
