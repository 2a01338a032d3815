#include "edge/core/access/auth.h"

#include <algorithm>
#include <array>
#include <utility>

#include "shared/core/ascii.h"
#include "shared/http/authorization.h"

namespace edge {
namespace {

constexpr std::size_t kMaxBasic = 1024;  // octets of a user's name and password, encoded
constexpr shared::Duration kTokenFor = shared::seconds(300);
constexpr std::string_view kBasic = "Basic";
constexpr std::string_view kBearer = "Bearer";

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    held = (held << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>((held >> bits) & 0xFF));
  }
  return out;
}

std::string_view authorization_of(const http::FieldList& fields) {
  const http::Field* field = fields.find(http::FieldId::authorization);
  return field == nullptr ? std::string_view() : field->value;
}

// Even of what this edge cannot read: a server behind may be less exact.
bool has_scheme(std::string_view authorization, std::string_view scheme) {
  if (!shared::equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return false;
  return authorization.size() == scheme.size() || authorization[scheme.size()] == ' ' ||
         authorization[scheme.size()] == '\t';
}

// What one policy makes of a request; `reason` empty: it has shown nothing of the kind.
struct Shown {
  std::shared_ptr<const Principal> identity;
  std::string_view reason;
  std::optional<PasswordCheck> check;
};

Shown by_password(const std::shared_ptr<const AuthPolicy>& policy, const PasswordUsers& users,
                  const http::FieldList& fields, const AuthMoment& moment) {
  const std::string_view authorization = authorization_of(fields);
  auto basic = parse_basic(authorization);
  if (!basic && !has_scheme(authorization, kBasic)) return {};
  if (!basic) return {.identity = nullptr, .reason = "no name and password that can be read", .check = {}};
  const CredentialKey key = key_of(policy->keys(), authorization);
  if (moment.cache != nullptr) {
    const auto found = moment.cache->find(key, moment.now);
    if (found.known && found.identity != nullptr) return {.identity = found.identity, .reason = {}, .check = {}};
    if (found.known) return {.identity = nullptr, .reason = "wrong name or password", .check = {}};
  }
  const PasswordUsers::User* user = users.find(basic->user);
  return {.identity = nullptr,
          .reason = "the password has not been checked",
          .check = PasswordCheck{.policy = policy,
                                 .key = key,
                                 .user = std::move(basic->user),
                                 .password = std::move(basic->password),
                                 .hash = user != nullptr ? user->hash : users.stand_in,
                                 .known = user != nullptr}};
}

Shown by_key(const AuthPolicy& policy, const HashedKeys& keys, const http::FieldList& fields) {
  const http::Field* own = fields.find(http::FieldId::x_api_key);
  const std::string_view key = own != nullptr ? own->value : http::bearer_token(authorization_of(fields));
  if (key.empty()) return {};
  const HashedKeys::Key* found = keys.find(key);
  if (found == nullptr) return {.identity = nullptr, .reason = "unknown API key", .check = {}};
  return {.identity = policy.identity(found->name, found->tier), .reason = {}, .check = {}};
}

Shown by_token(const AuthPolicy& policy, const JwtRules& rules, const http::FieldList& fields,
               const AuthMoment& moment) {
  const std::string_view token = http::bearer_token(authorization_of(fields));
  if (token.empty() && !has_scheme(authorization_of(fields), kBearer)) return {};
  if (token.empty()) return {.identity = nullptr, .reason = "token: none that can be read", .check = {}};
  const CredentialKey key = key_of(policy.keys(), token);
  if (moment.cache != nullptr) {
    auto found = moment.cache->find(key, moment.now);
    if (found.known && moment.wall >= found.identity->not_before && moment.wall < found.identity->expires) {
      return {.identity = std::move(found.identity), .reason = {}, .check = {}};
    }
  }
  auto verified = verify_jwt(rules, token, moment.wall);
  if (!verified) return {.identity = nullptr, .reason = verified.error(), .check = {}};
  if (!policy.settings().user_field.empty() && !verified->subject.empty()) {
    verified->fields.push_back({policy.settings().user_field, verified->subject, http::FieldId::other});
  }
  auto identity = std::make_shared<const Principal>(std::move(*verified));
  if (moment.cache != nullptr) moment.cache->put(key, identity, moment.now + kTokenFor);
  return {.identity = std::move(identity), .reason = {}, .check = {}};
}

Shown ask(const std::shared_ptr<const AuthPolicy>& policy, const http::FieldList& fields, const AuthMoment& moment) {
  const auto& by = policy->settings().by;
  if (const auto* users = std::get_if<PasswordUsers>(&by)) return by_password(policy, *users, fields, moment);
  if (const auto* keys = std::get_if<HashedKeys>(&by)) return by_key(*policy, *keys, fields);
  return by_token(*policy, std::get<JwtRules>(by), fields, moment);
}

// Where a policy finds what it looks at.
enum class Place : std::uint8_t { authorization, api_key, nowhere };

Place place_of(const AuthPolicy& policy, const http::FieldList& fields) {
  const bool keys = std::holds_alternative<HashedKeys>(policy.settings().by);
  if (keys && fields.has(http::FieldId::x_api_key)) return Place::api_key;
  return fields.has(http::FieldId::authorization) ? Place::authorization : Place::nowhere;
}

// What the policies of a route have said so far. Any will do, but whatever was shown to one that enforces has to be
// good for one: a server behind may believe what has come through, and does not know which of two let it in.
class Asking {
 public:
  void accept(const AuthPolicy& policy, Place place, std::shared_ptr<const Principal> identity) {
    good_[static_cast<std::size_t>(place)] = true;
    if (accepted_.identity != nullptr) return;
    accepted_.identity = std::move(identity);
    accepted_.by = &policy;
    accepted_.shown_in = place == Place::api_key ? http::FieldId::x_api_key : http::FieldId::authorization;
  }

  // `reason` empty: it has seen nothing of its kind.
  void turn_away(const AuthPolicy& policy, Place place, std::string_view reason, const AuthMoment& moment) {
    if (policy.mode() != shared::Mode::enforce) {
      const bool would_matter = accepted_.identity == nullptr || !reason.empty();
      if (moment.counts && would_matter) count(policy.live().shadowed);
      return;
    }
    Bad& bad = bad_[static_cast<std::size_t>(reason.empty() ? Place::nowhere : place)];
    if (bad.by == nullptr) bad = {.by = &policy, .reason = reason.empty() ? "nobody has said who asks" : reason};
  }

  [[nodiscard]] AuthRuling ruling(const AuthMoment& moment) {
    const bool passes = accepted_.identity != nullptr;
    for (std::size_t place = 0; place < bad_.size(); ++place) {  // the one is told that looked at something
      const auto& [by, reason] = bad_[place];
      const bool matters = !passes || place != static_cast<std::size_t>(Place::nowhere);
      if (by == nullptr || good_[place] || !matters) continue;
      if (moment.counts) count(by->live().refused);
      return {.kind = AuthRuling::Kind::refused,
              .identity = nullptr,
              .by = by,
              .shown_in = {},
              .reason = reason,
              .check = {}};
    }
    if (passes && moment.counts) count(accepted_.by->live().accepted);
    return std::move(accepted_);
  }

 private:
  struct Bad {
    const AuthPolicy* by = nullptr;
    std::string_view reason;
  };
  std::array<bool, 3> good_{};  // by Place
  std::array<Bad, 3> bad_{};    // likewise, what the first policy says that refuses it
  AuthRuling accepted_;         // by the first
};

}  // namespace

std::shared_ptr<AuthLive> AuthLives::of(std::string_view name) {
  std::weak_ptr<AuthLive>& known = lives_[std::string(name)];
  std::shared_ptr<AuthLive> live = known.lock();
  if (live == nullptr) known = live = std::make_shared<AuthLive>();
  return live;
}

const PasswordUsers::User* PasswordUsers::find(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(users, name, {}, [](const User& user) { return std::string_view(user.name); });
  return found != users.end() && found->name == name ? &*found : nullptr;
}

// The digest of what was presented is looked for: where two digests differ says nothing of the keys.
const HashedKeys::Key* HashedKeys::find(std::string_view key) const {
  const KeyDigest wanted = digest(key);
  const auto found = std::ranges::lower_bound(keys, wanted, {}, &Key::digest);
  return found != keys.end() && found->digest == wanted ? &*found : nullptr;
}

AuthPolicy::AuthPolicy(AuthSettings settings, std::shared_ptr<AuthLive> live, const CredentialKeys& keys)
    : settings_(std::move(settings)), live_(std::move(live)), keys_(keys) {
  const bool basic = std::holds_alternative<PasswordUsers>(settings_.by);
  challenge_ =
      (basic ? "Basic realm=\"" : "Bearer realm=\"") + settings_.realm + (basic ? "\", charset=\"UTF-8\"" : "\"");
}

std::vector<std::string> AuthPolicy::own_fields() const {
  std::vector<std::string> names;
  if (!settings_.user_field.empty()) names.push_back(settings_.user_field);
  if (const auto* jwt = std::get_if<JwtRules>(&settings_.by)) {
    for (const ClaimField& one : jwt->fields) names.push_back(one.field);
  }
  return names;
}

std::shared_ptr<const Principal> AuthPolicy::identity(std::string_view subject, std::optional<TierId> tier) const {
  Principal who{.subject = std::string(subject)};
  who.tier = tier;
  if (!settings_.user_field.empty()) who.fields.push_back({settings_.user_field, who.subject, http::FieldId::other});
  return std::make_shared<const Principal>(std::move(who));
}

AuthRuling authenticate(std::span<const std::shared_ptr<const AuthPolicy>> policies, const http::FieldList& fields,
                        const AuthMoment& moment) {
  // Of one credential the first policy that takes it has the word; only who shows two is looked at any further.
  const bool shows_two = fields.has(http::FieldId::authorization) && fields.has(http::FieldId::x_api_key);
  Asking asking;
  for (const auto& policy : policies) {
    if (policy->mode() == shared::Mode::disabled) continue;
    Shown shown = ask(policy, fields, moment);
    const Place place = place_of(*policy, fields);
    if (shown.check) {
      return {.kind = AuthRuling::Kind::unchecked,
              .identity = nullptr,
              .by = policy.get(),
              .shown_in = http::FieldId::authorization,
              .reason = shown.reason,
              .check = std::move(shown.check)};
    }
    if (shown.identity != nullptr) {
      asking.accept(*policy, place, std::move(shown.identity));
      if (!shows_two) break;
    } else {
      asking.turn_away(*policy, place, shown.reason, moment);
    }
  }
  return asking.ruling(moment);
}

std::string words_of(const AuthRuling& ruling) {
  const std::string by = ruling.by != nullptr ? ruling.by->name() + ": " : "";
  if (ruling.identity != nullptr) return by + ruling.identity->subject;
  if (ruling.reason.empty()) return by + "nobody has said who asks, and none enforces";
  return by + std::string(ruling.reason);
}

std::optional<BasicCredentials> parse_basic(std::string_view authorization) {
  if (!has_scheme(authorization, kBasic)) return std::nullopt;
  authorization.remove_prefix(kBasic.size());
  if (!authorization.starts_with(' ')) return std::nullopt;
  if (authorization.size() > kMaxBasic) return std::nullopt;
  const auto text = decode_base64(shared::trim(authorization));
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos || text->find('\0') != std::string::npos) return std::nullopt;
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace edge
