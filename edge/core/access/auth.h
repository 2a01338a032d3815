#pragma once
// AuthPolicy: how clients of a route show who they are: by a password (RFC 7617), by an API key, or by a signed token
// (RFC 6750, jwt.h). A route names policies of which any will do. Passwords cost tens of milliseconds by design and are
// never looked at on a worker: authenticate() says `unchecked`, somebody else checks, puts what came of it into the
// CredentialCache, and asks again. Policies are immutable and a part of routes; counts are an AuthLive's, by name, the
// same over reloads and for all workers. Any thread, but for the cache.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/core/access/credential_cache.h"
#include "edge/core/access/jwt.h"
#include "edge/core/access/principal.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace edge {

struct AuthLive {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> shadowed{0};  // that would have been refused
};

// Keeps AuthLives by name over builds, while anybody uses them, and numbers builds. The Builder's.
class AuthLives {
 public:
  [[nodiscard]] std::shared_ptr<AuthLive> of(std::string_view name);
  [[nodiscard]] std::uint64_t next_serial() { return ++serial_; }

 private:
  std::map<std::string, std::weak_ptr<AuthLive>, std::less<>> lives_;
  std::uint64_t serial_ = 0;
};

// Of a file of passwords.
struct PasswordUsers {
  struct User {
    std::string name;
    std::string hash;  // as crypt(5) has it
  };
  std::vector<User> users;  // by name
  // Of nobody: looked at for names that are not there, so that the time tells nothing.
  std::string stand_in;

  [[nodiscard]] const User* find(std::string_view name) const;
};

using KeyDigest = std::array<std::uint8_t, 32>;  // SHA-256

struct HashedKeys {
  struct Key {
    KeyDigest digest{};
    std::string name;
    std::optional<TierId> tier;
  };
  std::vector<Key> keys;  // by digest
  std::function<KeyDigest(std::string_view)> digest;

  [[nodiscard]] const Key* find(std::string_view key) const;
};

struct AuthSettings {
  std::string name;
  shared::Mode mode = shared::Mode::enforce;
  std::string realm;
  std::string user_field;  // servers read the subject in it; empty: nowhere
  std::variant<PasswordUsers, HashedKeys, JwtRules> by;
};

class AuthPolicy {
 public:
  AuthPolicy(AuthSettings settings, std::shared_ptr<AuthLive> live, const CredentialKeys& keys);

  [[nodiscard]] const std::string& name() const { return settings_.name; }
  [[nodiscard]] shared::Mode mode() const { return settings_.mode; }
  [[nodiscard]] AuthLive& live() const { return *live_; }
  [[nodiscard]] const AuthSettings& settings() const { return settings_; }
  [[nodiscard]] const CredentialKeys& keys() const { return keys_; }
  // Of WWW-Authenticate.
  [[nodiscard]] const std::string& challenge() const { return challenge_; }
  // Fields that only the edge may send to servers.
  [[nodiscard]] std::vector<std::string> own_fields() const;
  // What is known of somebody by this name.
  [[nodiscard]] std::shared_ptr<const Principal> identity(std::string_view subject, std::optional<TierId> tier) const;

 private:
  AuthSettings settings_;
  std::shared_ptr<AuthLive> live_;
  CredentialKeys keys_;
  std::string challenge_;
};

using AuthPolicies = std::vector<std::shared_ptr<const AuthPolicy>>;

// A password that has to be checked before anything can be said.
struct PasswordCheck {
  std::shared_ptr<const AuthPolicy> policy;
  CredentialKey key;
  std::string user;
  std::string password;
  std::string hash;    // the user's, or the stand-in's
  bool known = false;  // there is such a user
};

struct AuthMoment {
  shared::TimePoint now;
  UnixTime wall = 0;
  CredentialCache* cache = nullptr;  // null: nothing is remembered
  bool counts = true;
};

struct AuthRuling {
  enum class Kind : std::uint8_t { passed, refused, unchecked };
  Kind kind = Kind::passed;
  std::shared_ptr<const Principal> identity;  // null: nobody has shown who it is
  const AuthPolicy* by = nullptr;             // who says so; null: all are in shadow
  // The field that has shown it, or has what is `unchecked`: Authorization or X-Api-Key; `other`: neither has.
  http::FieldId shown_in = http::FieldId::other;
  std::string_view reason;             // a literal: "token: expired"
  std::optional<PasswordCheck> check;  // of `unchecked`
};

[[nodiscard]] AuthRuling authenticate(std::span<const std::shared_ptr<const AuthPolicy>> policies,
                                      const http::FieldList& fields, const AuthMoment& moment);

// "staff: alice", for explain.
[[nodiscard]] std::string words_of(const AuthRuling& ruling);

// How long a password that was checked is remembered, good or wrong.
inline constexpr shared::Duration kGoodPassword = shared::seconds(300);
inline constexpr shared::Duration kWrongPassword = shared::seconds(10);

// Of a value of Authorization; nothing: it is no Basic, or none that can be read.
struct BasicCredentials {
  std::string user;
  std::string password;
};
[[nodiscard]] std::optional<BasicCredentials> parse_basic(std::string_view authorization);

}  // namespace edge
