#include "edge/serve/redis/redis_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>

#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

constexpr shared::Duration kFirstWait = shared::milliseconds(100);
constexpr shared::Duration kLongestWait = shared::seconds(2);
constexpr shared::Duration kSentinelLook = shared::seconds(5);
constexpr shared::Duration kNamePatience = shared::seconds(5);
constexpr std::size_t kMostNames = 64;   // sentinels may tell of ever new ones
constexpr std::size_t kMostReasons = 8;  // told of in a row of failures

// 100 ms, doubling; a part of it is drawn, so that edges do not come back in one instant.
shared::Duration wait_after(unsigned failures) {
  static thread_local std::minstd_rand random(std::random_device{}());
  const shared::Duration whole = std::min(kLongestWait, kFirstWait * (1U << std::min(failures, 5U)));
  return whole / 2 + whole / 2 * std::uniform_int_distribution<int>(0, 1000)(random) / 1000;
}

std::vector<std::string> auth_command(const RedisLogin& login) {
  if (login.user.empty()) return {"AUTH", login.password};
  return {"AUTH", login.user, login.password};
}

// "READONLY" of "READONLY You can't write against a read only replica."
std::string_view code_of(const RedisValue& error) {
  return std::string_view(error.text).substr(0, error.text.find(' '));
}

}  // namespace

bool is_useless(const RedisValue& reply) {
  constexpr std::array<std::string_view, 5> kUseless{"READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS"};
  return reply.is_error() && std::ranges::find(kUseless, code_of(reply)) != kUseless.end();
}

shared::Result<RedisPlace> read_master(const RedisValue& reply, std::string_view name) {
  if (reply.is_error()) return shared::fail(reply.text);
  const std::string unknown = "no sentinel knows the master '" + std::string(name) + "'";
  if (reply.kind == RedisValue::Kind::nil) return shared::fail(unknown);
  if (reply.kind != RedisValue::Kind::array || reply.items.size() != 2) return shared::fail("no answer of a sentinel");
  const RedisValue& host = reply.items[0];
  const RedisValue& port = reply.items[1];
  std::uint16_t number = 0;
  const char* const end = port.text.data() + port.text.size();
  const auto [stop, error] = std::from_chars(port.text.data(), end, number);
  const bool good = host.kind == RedisValue::Kind::text && !host.text.empty() && host.text.size() <= 253 &&
                    error == std::errc() && stop == end && number != 0;
  if (!good) return shared::fail("no answer of a sentinel");
  return RedisPlace{.host = host.text, .port = number};
}

shared::Result<void> read_role(const RedisValue& reply) {
  if (reply.is_error()) {
    if (reply.text.starts_with("NOPERM")) return {};
    return shared::fail(reply.text);
  }
  const bool says =
      reply.kind == RedisValue::Kind::array && !reply.items.empty() && reply.items[0].kind == RedisValue::Kind::text;
  if (!says) return shared::fail("it does not say its role");
  if (reply.items[0].text != "master") return shared::fail("it is no master");
  return {};
}

RedisClient::RedisClient(shared::Loop& loop, shared::NameFollower& names)
    : loop_(loop), names_(names), wait_(loop), patience_(loop), sentinel_look_(loop) {}

RedisClient::~RedisClient() { lose(); }

void RedisClient::set(std::shared_ptr<const RedisSettings> settings) {
  const bool same = settings != nullptr && settings_ != nullptr && *settings == *settings_;
  if (same || settings == settings_) return;
  settings_ = std::move(settings);
  leave();
  known_names_.clear();
  told_.clear();
  ready_told_ = false;
  failures_in_a_row_ = 0;
  facts_.reason.clear();
  if (settings_ != nullptr) begin();
}

// Ends what is there; nothing of it is heard of again.
void RedisClient::lose() {
  attempt_.reset();
  up_ = facts_.up = false;
  for (shared::Timer* timer : {&wait_, &patience_, &sentinel_look_}) timer->cancel();
  for (auto* connection : {&connection_, &sentinel_}) {
    if (*connection != nullptr) std::exchange(*connection, nullptr)->close();
  }
}

void RedisClient::leave() {
  const bool was_up = up_;
  lose();
  if (!was_up) return;
  for (const auto& lost : lost_) lost();
}

void RedisClient::begin() {
  attempt_ = std::make_shared<int>();
  if (known_names_.size() > kMostNames) known_names_.clear();
  patience_.expires_after(kNamePatience + 4 * settings_->timeout);
  patience_.async_wait([this, weak = std::weak_ptr(attempt_)](shared::error_code error) {
    if (!error && weak.lock() != nullptr && !up_) fail("no answer in time");
  });
  if (settings_->sentinels.empty()) return connect(settings_->servers[next_server_ % settings_->servers.size()]);
  ask_sentinel([this](const shared::Result<RedisPlace>& master) {
    if (!master) return fail(master.error().message);
    connect(*master);
  });
}

// An address at once, a name when it has been looked up; `found` never comes from within.
void RedisClient::find(const RedisPlace& place, Found found) {
  const auto later = [this, weak = std::weak_ptr(attempt_)](Found told, shared::Result<shared::Endpoint> result) {
    shared::asio::post(loop_, [weak, told = std::move(told), result = std::move(result)] {
      if (weak.lock() != nullptr) told(result);
    });
  };
  if (const auto address = shared::IpAddress::parse(place.host)) {
    return later(std::move(found), shared::Endpoint{*address, place.port});
  }
  const auto [at, fresh] = known_names_.try_emplace(place.host);
  Name& name = at->second;
  const auto tell = [later, &name, port = place.port, found = std::move(found)] {
    if (name.addresses.empty()) return later(found, shared::fail(name.reason));
    later(found, shared::Endpoint{name.addresses.front(), port});
  };
  if (!name.addresses.empty() || !name.reason.empty()) return tell();
  name.waiting.emplace_back(tell);
  if (!fresh) return;
  const auto family = shared::ResolveFamily::any;
  using shared::NameFollower;
  name.follow = names_.follow(place.host, family, NameFollower::Tell::changes,
                              [&name](const shared::Result<shared::Resolved>& answer) {
                                if (answer) name.addresses = answer->addresses;
                                name.reason = answer ? "its name has no address" : answer.error().message;
                                for (const auto& waiting : std::exchange(name.waiting, {})) waiting();
                              });
}

std::shared_ptr<RedisConnection> RedisClient::make_connection(const RedisPlace& place) {
  const std::string host = place.to_string();
  auto transport = shared::make_transport(loop_, contexts_, {.tls = settings_->tls, .host = host});
  return std::make_shared<RedisConnection>(loop_, std::move(transport), settings_->timeout);
}

// The next one in the row; who fails is asked last the next time.
void RedisClient::ask_sentinel(Named named) {
  const RedisPlace place = settings_->sentinels[next_sentinel_ % settings_->sentinels.size()];
  find(place, [this, place, named = std::move(named)](const shared::Result<shared::Endpoint>& endpoint) {
    const auto failed = [this, place, named](const std::string& why) {
      ++next_sentinel_;
      named(shared::fail("sentinel " + place.to_string() + ": " + why));
    };
    if (!endpoint) return failed(endpoint.error().message);
    if (sentinel_ != nullptr) std::exchange(sentinel_, nullptr)->close();
    sentinel_ = make_connection(place);
    // Weak: the connection holds its events.
    const auto connected = [this, weak = std::weak_ptr(sentinel_), named, failed] {
      const auto connection = weak.lock();
      if (connection == nullptr) return;
      greet_sentinel(connection, [this, named, failed](const shared::Result<RedisPlace>& master) {
        if (sentinel_ != nullptr) std::exchange(sentinel_, nullptr)->close();
        if (!master) return failed(master.error().message);
        named(master);
      });
    };
    sentinel_->open(*endpoint, {.connected = connected, .ended = failed});
  });
}

void RedisClient::greet_sentinel(const std::shared_ptr<RedisConnection>& connection, Named named) {
  if (!settings_->sentinel_login.password.empty()) {
    connection->ask(auth_command(settings_->sentinel_login), [](const shared::Result<RedisValue>&) {});
  }
  const std::vector<std::string> question{"SENTINEL", "get-master-addr-by-name", settings_->master};
  connection->ask(question, [name = settings_->master, named = std::move(named)](const auto& reply) {
    // What ends the connection is told by its end.
    if (reply) named(read_master(*reply, name));
  });
}

void RedisClient::connect(const RedisPlace& place) {
  find(place, [this, place](const shared::Result<shared::Endpoint>& endpoint) {
    if (!endpoint) return fail(place.to_string() + ": " + endpoint.error().message);
    open(place, *endpoint);
  });
}

void RedisClient::open(const RedisPlace& place, const shared::Endpoint& endpoint) {
  place_ = place;
  connection_ = make_connection(place);
  connection_->open(endpoint, {.connected = [this] { greet(); },
                               .ended = [this](const std::string& why) { fail(place_.to_string() + ": " + why); }});
}

// All at once; the first objection counts.
void RedisClient::greet() {
  // Only the code: some servers repeat in the words what was sent, which is a secret here.
  const auto must = [this](std::string_view what) {
    return [this, what](const shared::Result<RedisValue>& reply) {
      if (!reply || !reply->is_error()) return;
      fail(place_.to_string() + ": it refuses the " + std::string(what) + ": " + std::string(code_of(*reply)));
    };
  };
  if (!settings_->login.password.empty()) connection_->ask(auth_command(settings_->login), must("login"));
  if (settings_->database != 0) {
    connection_->ask(std::vector<std::string>{"SELECT", std::to_string(settings_->database)}, must("database"));
  }
  connection_->ask(std::vector<std::string>{"ROLE"},
                   [this](const shared::Result<RedisValue>& reply) { take_role(reply); });
}

void RedisClient::take_role(const shared::Result<RedisValue>& reply) {
  if (!reply) return;  // told by the connection's end
  if (const auto role = read_role(*reply); !role) return fail(place_.to_string() + ": " + role.error().message);
  use();
}

void RedisClient::use() {
  patience_.cancel();
  up_ = facts_.up = true;
  ++facts_.connections;
  facts_.server = place_.to_string();
  facts_.reason.clear();
  if (!std::exchange(ready_told_, true)) log_event(Level::info, "redis_ready", {{"server", facts_.server}});
  if (!settings_->sentinels.empty()) look_at_sentinels();
  for (const auto& ready : ready_) ready();
}

// A master that was cut off, and that others have replaced, may go on taking writes that nobody else sees.
void RedisClient::look_at_sentinels() {
  sentinel_look_.expires_after(kSentinelLook);
  sentinel_look_.async_wait([this](shared::error_code error) {
    if (error || !up_) return;
    ask_sentinel([this](const shared::Result<RedisPlace>& master) {
      if (up_ && master && *master != place_) return fail("the sentinels name another master, " + master->to_string());
      if (up_) look_at_sentinels();
    });
  });
}

void RedisClient::fail(const std::string& reason) {
  if (!std::exchange(answered_, false)) ++next_server_;  // else the same one again: it may be back at once
  leave();
  ++facts_.failures;
  facts_.reason = reason;
  if (told_.size() < kMostReasons && told_.insert(reason).second) {
    log_event(Level::warn, "redis_lost", {{"reason", reason}});
    ready_told_ = false;
  }
  attempt_ = std::make_shared<int>();
  wait_.expires_after(wait_after(failures_in_a_row_++));
  wait_.async_wait([this, weak = std::weak_ptr(attempt_)](shared::error_code error) {
    if (!error && weak.lock() != nullptr) begin();
  });
}

// Only now: a server that lets us in may refuse, or leave unanswered, all that it is asked, as one does that still
// loads its data. Else it would be asked, and told of, ten times a second.
void RedisClient::well() {
  failures_in_a_row_ = 0;
  told_.clear();
  answered_ = true;
}

void RedisClient::ask(const std::vector<std::string>& command, RedisReply reply) {
  if (!up_) {
    shared::asio::post(loop_, [reply = std::move(reply)] { reply(shared::fail("there is no connection to Redis")); });
    return;
  }
  connection_->ask(command, [this, reply = std::move(reply)](const shared::Result<RedisValue>& value) {
    if (value && !value->is_error()) well();
    if (!value || !is_useless(*value)) return reply(value);
    const shared::Result<RedisValue> useless = shared::fail(value->text);
    reply(useless);
    fail(place_.to_string() + ": " + useless.error().message);
  });
}

}  // namespace edge
